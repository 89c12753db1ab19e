//! How the proxy stands, though it serves: what the prober warns of.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGaugeVec;

use super::pause::Pause;
use crate::clock;
use crate::net::tls::Certificate;
use crate::telemetry::metrics::gauge;

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
            certificate.follow(listener);
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
        let now = clock::now();
        self.certificates.iter().find_map(|(listener, certificate)| certificate.warning(listener, now)).or_else(|| self.of_hold())
    }

    fn of_hold(&self) -> Option<String> {
        let since = *self.held_since.lock().unwrap_or_else(PoisonError::into_inner);
        let held = since.map(|since| clock::elapsed().saturating_sub(since)).filter(|held| *held > self.pause.time());
        held.map(|held| format!("requests have been held for {} s, longer than each of them waits: allswell hold off", held.as_secs()))
    }
}
