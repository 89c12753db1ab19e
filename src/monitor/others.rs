//! How far the other watchers of a store have committed what they heard: no silence is told beyond that.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::pulse::MARK_EVERY;
use crate::domain::moment::Moment;
use crate::store::{Connection, StoreError, facts};

const FACT: &str = "committed";
/// Where others wait for it, it is said so often.
const EVERY: Duration = Duration::from_millis(400);
/// Whoever has not said it for so long is gone: what it has not committed, it has not answered.
const GONE: Duration = MARK_EVERY.saturating_mul(3);

/// What each process has said last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Others(BTreeMap<Uuid, Said>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    at: Moment,
    /// Everything that it had heard until then is committed.
    until: Moment,
}

impl Said {
    fn is_gone(self, now: Moment) -> bool {
        now.since(self.at) > GONE
    }
}

impl Others {
    /// Reads it.
    pub(super) async fn read(connection: &mut Connection) -> Result<Self, StoreError> {
        Ok(facts::get(connection, FACT).await?.unwrap_or_default())
    }

    /// Until when all but this process have committed what they heard; none where there is nobody else.
    pub(super) fn until(&self, own: Uuid, now: Moment) -> Option<Moment> {
        self.0.iter().filter(|(process, said)| **process != own && !said.is_gone(now)).map(|(_, said)| said.until).min()
    }

    /// Whether somebody waits to hear it from this process.
    pub(super) fn is_due(&self, own: Uuid, now: Moment) -> bool {
        let is_late = self.0.get(&own).is_none_or(|said| now.since(said.at) >= EVERY);
        is_late && self.until(own, now).is_some()
    }
}

/// Says it for this process; whoever is gone is forgotten.
pub(super) async fn say(connection: &mut Connection, own: Uuid, until: Moment, now: Moment) -> Result<(), StoreError> {
    let mut others = Others::read(connection).await?;
    others.0.retain(|_, said| !said.is_gone(now));
    others.0.insert(own, Said { at: now, until });
    facts::set(connection, FACT, &others).await
}

/// This process ends, and nobody waits for it.
pub(super) async fn leave(connection: &mut Connection, own: Uuid) -> Result<(), StoreError> {
    let mut others = Others::read(connection).await?;
    others.0.remove(&own);
    facts::set(connection, FACT, &others).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_there_is_waited_for_and_whoever_is_gone_is_not() {
        let at = |seconds: i64| Moment::from_millis(seconds * 1_000);
        let [own, other, gone] = [1, 2, 3].map(Uuid::from_u128);
        let said = |said: i64, until: i64| Said { at: at(said), until: at(until) };
        let others = Others([(own, said(100, 90)), (other, said(100, 95)), (gone, said(96, 1))].into());
        assert_eq!((others.until(own, at(100)), others.until(other, at(100))), (Some(at(95)), Some(at(90))));
        assert!(!others.is_due(own, at(100)) && others.is_due(own, at(101)));
        assert_eq!(others.until(own, at(104)), None);
        assert!(!others.is_due(own, at(104)), "nobody waits");
    }
}
