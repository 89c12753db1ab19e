//! How far the clocks of senders are from ours.

use std::sync::LazyLock;

use prometheus::IntGaugeVec;

use crate::domain::moment::Moment;
use crate::telemetry::metrics;

static SKEW: LazyLock<IntGaugeVec> = LazyLock::new(|| metrics::gauge("allswell_beat_skew_seconds"));

/// A beat of this instance was sent then, by its own clock, and arrived then, by ours.
pub(super) fn note(instance: &str, sent_at: Moment, arrived_at: Moment) {
    let skew_ms = arrived_at.as_millis().saturating_sub(sent_at.as_millis());
    SKEW.with_label_values(&[instance]).set(skew_ms / 1_000);
}

/// The instance is no more: each replacement has another name, and nobody looks at the clock of one that is gone.
pub(super) fn forget(instance: &str) {
    // Another check may have forgotten it already.
    let _ = SKEW.remove_label_values(&[instance]);
}
