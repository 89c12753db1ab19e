//! How the proxy stands, though it serves: what the prober warns of.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGaugeVec;

use super::pause::Pause;
use crate::clock;
use crate::net::tls::{Certificate, Reload};
use crate::telemetry::metrics::gauge;

/// A certificate that ends in fewer days is warned of.
const SOON_DAYS: i64 = 14;

static DAYS: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("allswell_proxy_certificate_days"));

/// What keeps visitors away on purpose, and what will keep them away soon.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) pause: Arc<Pause>,
    held_since: Mutex<Option<Duration>>,
    certificates: Vec<(&'static str, Arc<Certificate>)>,
}

impl Standing {
    /// Of a proxy that was just started, with the certificates of its listeners.
    pub(super) fn new(pause: Arc<Pause>, certificates: Vec<(&'static str, Arc<Certificate>)>) -> Self {
        let standing = Self { pause, held_since: Mutex::default(), certificates };
        standing.look_at_certificates();
        standing
    }

    /// Takes on certificates that have changed, and counts the days that are left.
    pub(super) fn look_at_certificates(&self) {
        for (listener, certificate) in &self.certificates {
            match certificate.reload() {
                Reload::Same => {}
                Reload::Changed => tracing::info!(listener, "a new certificate is shown"),
                Reload::Refused(error) => tracing::error!(listener, "{error}; the old one is still shown"),
            }
            if let Some(days) = certificate.days_left(clock::now()) {
                DAYS.with_label_values(&[listener]).set(days);
            }
        }
    }

    /// Keeps new requests waiting, or lets them go on.
    pub(super) fn hold(&self, on: bool) {
        let mut since = self.held_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = on.then(|| since.unwrap_or_else(clock::elapsed));
        self.pause.hold(on);
    }

    /// What somebody should look at; none where all is well.
    pub(super) fn warning(&self) -> Option<String> {
        self.certificates.iter().find_map(|(listener, certificate)| of_certificate(listener, certificate)).or_else(|| self.of_hold())
    }

    fn of_hold(&self) -> Option<String> {
        let since = *self.held_since.lock().unwrap_or_else(PoisonError::into_inner);
        let held = since.map(|since| clock::elapsed().saturating_sub(since)).filter(|held| *held > self.pause.time());
        held.map(|held| format!("requests have been held for {} s, longer than each of them waits: allswell hold off", held.as_secs()))
    }
}

fn of_certificate(listener: &str, certificate: &Certificate) -> Option<String> {
    if let Some(trouble) = certificate.trouble() {
        return Some(format!("{listener}: {trouble}; the old one is still shown"));
    }
    match certificate.days_left(clock::now()) {
        Some(days) if days < 0 => Some(format!("the certificate of the {listener} listener has ended: put a new one in its place")),
        Some(days) if days < SOON_DAYS => {
            Some(format!("the certificate of the {listener} listener ends in {days} days: put a new one in its place"))
        }
        Some(_) | None => None,
    }
}
