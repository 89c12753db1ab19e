//! The certificates of the watcher's listeners: followed when their files change, and an incident where somebody should look at one.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::interval;

use crate::clock;
use crate::monitor::Monitor;
use crate::net::tls::Certificate;
use crate::telemetry::metrics::{self, Rows};

/// A certificate that was replaced is shown after so long.
const EVERY: Duration = Duration::from_secs(1);

/// A listener that a reload has left without a certificate has no row: nobody counts down what is not shown.
static DAYS: LazyLock<Rows> = LazyLock::new(|| metrics::rows("allswell_watcher_certificate_days"));

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
        count_down(&certificates);
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
    certificate.warning(listener, clock::now())
}

fn count_down(certificates: &[(&'static str, Arc<Certificate>)]) {
    let now = clock::now();
    DAYS.show(certificates.iter().filter_map(|(listener, certificate)| {
        let days = i32::try_from(certificate.days_left(now)?).unwrap_or(i32::MAX);
        Some((vec![(*listener).to_owned()], f64::from(days)))
    }));
}
