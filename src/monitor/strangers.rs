//! Beats with a wrong signature that do not end are an incident: a sender has another key, or somebody tries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::engine::{Monitor, MonitorError};
use super::{resolution, telling};
use crate::domain::check::{Reason, Status};
use crate::domain::clock_step::moved;
use crate::domain::incident::{Incident, Severity};
use crate::domain::moment::Moment;
use crate::domain::strangers::{Persistent, Strangers};
use crate::store::incidents::{self, StoredIncident};

/// What was seen of them, and who is told of at present.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Mind>>);

#[derive(Debug, Default)]
struct Mind {
    strangers: Strangers,
    /// When we looked for them first.
    since: Option<Moment>,
    /// Who was told by us last. None: we have told nothing yet. None inside: nobody.
    told: Option<Option<String>>,
}

impl Seen {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mind {
    /// Whether something else is to be told than was. What was told before us, by an earlier process or config, is not over before whoever it
    /// was would have been found again.
    fn has_news(&mut self, persistent: Option<&Persistent>, after: Duration, now: Moment) -> bool {
        let since = *self.since.get_or_insert(now);
        match (&self.told, persistent) {
            (None, None) => now.since(since) > Strangers::time_to_find(after),
            (told, persistent) => *told != Some(persistent.map(|persistent| persistent.who.clone())),
        }
    }
}

impl Monitor {
    /// A beat with a wrong signature came.
    pub fn stranger(&self, address: &str, key_id: &str, now: Moment) {
        self.strangers.mind().strangers.note(address, key_id, now);
    }

    /// The clock was set.
    pub(super) fn step_strangers(&self, by_ms: i64) {
        let mut mind = self.strangers.mind();
        mind.strangers.step(by_ms);
        mind.since = mind.since.map(|since| moved(since, by_ms));
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
        let (persistent, has_news) = {
            let (mut mind, after) = (self.strangers.mind(), self.settings.strangers_after);
            let persistent = mind.strangers.persistent(now, after);
            let has_news = mind.has_news(persistent.as_ref(), after, now);
            (persistent, has_news)
        };
        if !has_news {
            return Ok(());
        }
        let told = persistent.as_ref().map(|persistent| persistent.who.clone());
        self.tell_of_strangers(persistent, now).await?;
        self.strangers.mind().told = Some(told);
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
