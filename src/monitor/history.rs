//! What the prober has told of its journal: who did what, when, and how it ended.

use super::engine::{Monitor, MonitorError};
use super::heard::{self, LiveHeard};
use crate::domain::entry::Entry;
use crate::domain::moment::Moment;
use crate::store::{Connection, StoreError, facts, told_entries};

/// What was told last, so that nothing is written where nothing is new.
const FACT: &str = "journal";

/// Keeps what is new or has gone on.
pub(super) async fn keep(connection: &mut Connection, told: &[Entry]) -> Result<(), StoreError> {
    if told.is_empty() {
        return Ok(());
    }
    let known: Vec<Entry> = facts::get(connection, FACT).await?.unwrap_or_default();
    if known == told {
        return Ok(());
    }
    for entry in told.iter().filter(|entry| !known.contains(entry)) {
        told_entries::save(connection, entry).await?;
    }
    facts::set(connection, FACT, &told).await
}

impl Monitor {
    /// What the prober said last of the cluster.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn live(&self) -> Result<LiveHeard, MonitorError> {
        Ok(heard::read(&mut self.store.read().await?).await?)
    }

    /// Switches, deploys, scales and stops that began before `before`, newest first, as far as the prober has told of them.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn history(&self, before: Moment, limit: u32) -> Result<Vec<Entry>, MonitorError> {
        Ok(told_entries::before(&mut self.store.read().await?, before, limit).await?)
    }
}
