//! What is wrong with our own files: an incident until it is mended.

use super::engine::{Monitor, MonitorError};
use super::settings::UNNAMED;
use super::{resolution, telling};
use crate::domain::check::{Reason, Status};
use crate::domain::incident::{Incident, Severity, key_at};
use crate::domain::moment::Moment;
use crate::store::incidents;
use crate::store::incidents::StoredIncident;

/// The config that was to be read anew.
const CONFIG: &str = "config";

impl Monitor {
    /// Hears what is wrong with the config; none is that it is right.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn config_is(&self, trouble: Option<&str>, now: Moment) -> Result<(), MonitorError> {
        self.own_trouble_is(&self.config_check(), trouble, now).await
    }

    /// The name under which it is told: where several watchers share a store, each that has a name has its own.
    pub(super) fn config_check(&self) -> String {
        let name = self.settings.name.as_str();
        if name == UNNAMED { CONFIG.to_owned() } else { format!("{CONFIG}-{name}") }
    }

    /// Hears what is wrong with the certificate of our listener; none is that it is right.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn certificate_is(&self, trouble: Option<&str>, now: Moment) -> Result<(), MonitorError> {
        self.own_trouble_is(&self.certificate_check(), trouble, now).await
    }

    /// The name under which it is told.
    pub(super) fn certificate_check(&self) -> String {
        format!("certificate-{}", self.settings.name)
    }

    /// Whether it may be told of another watcher on our store: that one alone knows when it is over.
    pub(super) fn is_of_another_watcher(&self, check: &str) -> bool {
        let is_of_one = check == CONFIG || ["config-", "certificate-", "signatures-"].iter().any(|start| check.starts_with(start));
        is_of_one && self.is_one_of_many() && !self.is_of_our_own(check)
    }

    async fn own_trouble_is(&self, check: &str, trouble: Option<&str>, now: Moment) -> Result<(), MonitorError> {
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        let open = incidents::open_of(&mut transaction, check).await?;
        match (trouble, open) {
            (None, Some(open)) => {
                resolution::resolve(&mut transaction, &scene, open, now).await?;
            }
            (Some(trouble), open) => {
                let reason = Reason::Failing { what: trouble.to_owned(), times: 1 };
                let is_new = open.is_none();
                let mut stored = open.unwrap_or_else(|| opened(check, now, reason.clone()));
                stored.incident.reason = reason;
                incidents::save(&mut transaction, &stored).await?;
                if is_new {
                    telling::opened(&mut transaction, &scene, &stored.incident, now).await?;
                }
            }
            (None, None) => {}
        }
        transaction.commit().await?;
        self.wake.notify_waiters();
        Ok(())
    }
}

fn opened(check: &str, now: Moment, reason: Reason) -> StoredIncident {
    let incident = Incident {
        key: key_at(check, now),
        check: check.to_owned(),
        status: Status::Down,
        severity: Severity::Warning,
        since: now,
        reason,
        cause: None,
        flips: 1,
        resolved_at: None,
    };
    StoredIncident { incident, opened_at: now, decide_at: None, decide_until: None, explained: false }
}
