//! The certificates of the watcher's listeners: followed when their files change, and an incident where somebody should look at one.

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

/// The certificates that are shown, each by its listener: `watcher` or `public`.
pub(super) type Certificates = Vec<(&'static str, Arc<Certificate>)>;

/// Follows them until `stop`; without any, whatever was told of an earlier one is over.
pub(super) async fn follow(certificates: Certificates, monitor: Monitor, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(EVERY);
    let mut told: Option<Option<String>> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        let warnings: Vec<String> = certificates.iter().filter_map(|(listener, certificate)| look(listener, certificate)).collect();
        let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
        if told.as_ref() == Some(&warning) {
            continue;
        }
        match monitor.dated(|now| monitor.certificate_is(warning.as_deref(), now)).await {
            Ok(()) => told = Some(warning),
            Err(error) => tracing::error!("how the certificate stands is not written down: {error}"),
        }
    }
}

fn look(listener: &str, certificate: &Certificate) -> Option<String> {
    certificate.follow(listener);
    let now = clock::now();
    if let Some(days) = certificate.days_left(now) {
        DAYS.with_label_values(&[listener]).set(days);
    }
    certificate.warning(listener, now)
}
