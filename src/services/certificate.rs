//! The certificate of the watcher's listener: followed when its files change, and an incident where somebody should look at it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use prometheus::IntGaugeVec;
use tokio::sync::watch;
use tokio::time::interval;

use crate::clock;
use crate::monitor::Monitor;
use crate::net::tls::Certificate;
use crate::telemetry::metrics;

/// A certificate that was replaced is shown after so long.
const EVERY: Duration = Duration::from_secs(1);

static DAYS: LazyLock<IntGaugeVec> = LazyLock::new(|| metrics::gauge("allswell_watcher_certificate_days"));

/// Follows it until `stop`; without one, whatever was told of an earlier one is over.
pub(super) async fn follow(certificate: Option<Arc<Certificate>>, monitor: Monitor, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(EVERY);
    let mut told: Option<Option<String>> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        let warning = certificate.as_ref().and_then(|certificate| look(certificate));
        if told.as_ref() == Some(&warning) {
            continue;
        }
        match monitor.certificate_is(warning.as_deref(), monitor.now()).await {
            Ok(()) => told = Some(warning),
            Err(error) => tracing::error!("how the certificate stands is not written down: {error}"),
        }
    }
}

fn look(certificate: &Certificate) -> Option<String> {
    certificate.follow("watcher");
    let now = clock::now();
    if let Some(days) = certificate.days_left(now) {
        DAYS.with_label_values::<&str>(&[]).set(days);
    }
    certificate.warning("watcher", now)
}
