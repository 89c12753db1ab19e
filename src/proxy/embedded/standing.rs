//! How the proxy stands, though it serves: what the prober warns of.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGaugeVec;

use super::access_log::AccessLog;
use super::pause::Pause;
use crate::clock;
use crate::net::tls::Certificate;
use crate::proxy::control::{Begun, Pauses};
use crate::telemetry::metrics::gauge;

static DAYS: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("allswell_proxy_certificate_days"));

/// What keeps visitors away on purpose, and what will keep them away soon.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) pause: Arc<Pause>,
    held: Mutex<Option<Held>>,
    certificates: Vec<(&'static str, Arc<Certificate>)>,
    log: Option<Arc<AccessLog>>,
}

/// A hold, which ends with the process.
#[derive(Debug)]
struct Held {
    /// By the clock that nobody sets.
    since: Duration,
    by: Option<String>,
}

impl Standing {
    /// Of a proxy that was just started, with the certificates of its listeners and its access log.
    pub(super) fn new(pause: Arc<Pause>, certificates: Vec<(&'static str, Arc<Certificate>)>, log: Option<Arc<AccessLog>>) -> Self {
        let standing = Self { pause, held: Mutex::default(), certificates, log };
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

    /// Keeps new requests waiting, or lets them go on. Who orders again what stands already has not begun it.
    pub(super) fn hold(&self, on: bool, by: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = || Held { since: clock::elapsed(), by };
        *held = if on { Some(held.take().unwrap_or_else(begin)) } else { None };
        self.pause.hold(on);
    }

    /// What the control socket says.
    pub(super) fn pauses(&self) -> Pauses {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = held.as_ref().map(|held| Begun { since: clock::ago(held.since), by: held.by.clone() });
        Pauses { held: begun, ..self.pause.state() }
    }

    /// All that somebody should look at; none where all is well. What is known for days does not hide what is new.
    pub(super) fn warning(&self) -> Option<String> {
        let now = clock::now();
        let of_certificates = self.certificates.iter().filter_map(|(listener, certificate)| certificate.warning(listener, now));
        let of_log = self.log.as_ref().and_then(|log| log.warning());
        let warnings: Vec<String> = self.of_hold().into_iter().chain(of_log).chain(of_certificates).collect();
        (!warnings.is_empty()).then(|| warnings.join("; "))
    }

    fn of_hold(&self) -> Option<String> {
        let since = self.held.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|held| held.since);
        let held = since.map(|since| clock::elapsed().saturating_sub(since)).filter(|held| *held > self.pause.time());
        held.map(|held| format!("requests have been held for {} s, longer than each of them waits: allswell hold off", held.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::HoldSettings;

    #[test]
    fn a_hold_says_since_when_and_by_whom_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let limits = HoldSettings { time: Duration::from_secs(30), number: 1 };
        let standing = Standing::new(Arc::new(Pause::load(&folder.path().join("maintenance.json"), limits)), Vec::new(), None);
        assert_eq!(standing.pauses().held, None);
        let before = clock::now();
        standing.hold(true, Some("ann@desk".to_owned()));
        let begun = standing.pauses().held.expect("it is held");
        assert!(begun.by.as_deref() == Some("ann@desk") && (before..=clock::now()).contains(&begun.since), "{begun:?}");
        standing.hold(true, Some("bob@table".to_owned()));
        assert_eq!(standing.pauses().held, Some(begun), "it stood already");
        standing.hold(false, None);
        assert_eq!(standing.pauses().held, None);
        standing.hold(true, None);
        assert_eq!(standing.pauses().held.map(|begun| begun.by), Some(None));
    }
}
