//! A config that was to be read anew and is wrong: an incident until it is mended.

use super::engine::{Monitor, MonitorError};
use super::{resolution, telling};
use crate::domain::check::{Reason, Status};
use crate::domain::incident::{Incident, Severity, key_at};
use crate::domain::moment::Moment;
use crate::store::incidents;
use crate::store::incidents::StoredIncident;

const CHECK: &str = "config";

impl Monitor {
    /// Hears what is wrong with the config; none is that it is right.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn config_is(&self, trouble: Option<&str>, now: Moment) -> Result<(), MonitorError> {
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        let open = incidents::open_of(&mut transaction, CHECK).await?;
        match (trouble, open) {
            (None, Some(open)) => {
                resolution::resolve(&mut transaction, &scene, open, now).await?;
            }
            (Some(trouble), open) => {
                let reason = Reason::Failing { what: trouble.to_owned(), times: 1 };
                let is_new = open.is_none();
                let mut stored = open.unwrap_or_else(|| opened(now, reason.clone()));
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

fn opened(now: Moment, reason: Reason) -> StoredIncident {
    let incident = Incident {
        key: key_at(CHECK, now),
        check: CHECK.to_owned(),
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
