//! Beats with a wrong signature that do not end are an incident: a sender has another key, or somebody tries.

use std::sync::{Arc, Mutex, PoisonError};

use super::engine::{Monitor, MonitorError};
use super::{resolution, telling};
use crate::domain::check::{Reason, Status};
use crate::domain::incident::{Incident, Severity};
use crate::domain::moment::Moment;
use crate::domain::strangers::{Persistent, Strangers};
use crate::store::incidents::{self, StoredIncident};

/// What was seen of them, and who is told of at present.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<(Strangers, Option<Told>)>>);

/// None inside: nobody.
type Told = Option<String>;

impl Monitor {
    /// A beat with a wrong signature came.
    pub fn stranger(&self, address: &str, key_id: &str, now: Moment) {
        self.strangers.0.lock().unwrap_or_else(PoisonError::into_inner).0.note(address, key_id, now);
    }

    /// The clock was set.
    pub(super) fn step_strangers(&self, by_ms: i64) {
        self.strangers.0.lock().unwrap_or_else(PoisonError::into_inner).0.step(by_ms);
    }

    /// The name under which they are told.
    pub(super) fn strangers_check(&self) -> String {
        format!("signatures-{}", self.settings.name)
    }

    /// Opens an incident while somebody goes on and on, and resolves it afterwards.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn look_for_strangers(&self, now: Moment) -> Result<(), MonitorError> {
        let (persistent, is_told) = {
            let mut seen = self.strangers.0.lock().unwrap_or_else(PoisonError::into_inner);
            let persistent = seen.0.persistent(now, self.settings.strangers_after);
            let is_told = seen.1.as_ref().is_some_and(|told| *told == persistent.as_ref().map(|persistent| persistent.who.clone()));
            (persistent, is_told)
        };
        if is_told {
            return Ok(());
        }
        let told = persistent.as_ref().map(|persistent| persistent.who.clone());
        self.tell_of_strangers(persistent, now).await?;
        self.strangers.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(told);
        self.wake.notify_waiters();
        Ok(())
    }

    async fn tell_of_strangers(&self, persistent: Option<Persistent>, now: Moment) -> Result<(), MonitorError> {
        let check = self.strangers_check();
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        let open = incidents::open_of(&mut transaction, &check).await?;
        match (persistent, open) {
            (None, None) => return Ok(()),
            (None, Some(open)) => {
                resolution::resolve(&mut transaction, &scene, open, now).await?;
            }
            (Some(persistent), Some(mut open)) => {
                open.incident.reason = reason(&persistent);
                incidents::save(&mut transaction, &open).await?;
                telling::another_reason(&mut transaction, &scene, &open.incident, None).await?;
            }
            (Some(persistent), None) => {
                let stored = opened(check, &persistent, now);
                incidents::save(&mut transaction, &stored).await?;
                telling::opened(&mut transaction, &scene, &stored.incident, now).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn opened(check: String, persistent: &Persistent, now: Moment) -> StoredIncident {
    let incident = Incident {
        // One that was resolved is not opened again.
        key: format!("{check}-{}", now.as_millis()),
        check,
        status: Status::Down,
        severity: Severity::Warning,
        since: persistent.since,
        reason: reason(persistent),
        cause: None,
        flips: 1,
        resolved_at: None,
    };
    StoredIncident { incident, opened_at: now, decide_at: None, decide_until: None, explained: false }
}

fn reason(persistent: &Persistent) -> Reason {
    let what = format!("beats with a wrong signature from {}: sender and watcher need the same beat key", persistent.who);
    Reason::Failing { what, times: persistent.count }
}
