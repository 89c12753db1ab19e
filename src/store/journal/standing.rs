//! What the journal says of the proxy and of what it had answered, and what it has of whoever ordered it past the prober.

use super::{Journal, close_or_advance, last_deploy, lease, read_entry, steps_of, write_step};
use crate::domain::colour::Colour;
use crate::domain::entry::{Asked, Entry, Lease, Step};
use crate::domain::shift::{Before, Belief, Believed, Claimed, believe};
use crate::domain::switch::Phase;
use crate::store::connection::Connection;
use crate::store::error::StoreError;
use crate::store::facts;
use crate::store::statement::sql;

/// The fact: what was live before there was any switch.
const FIRST: &str = "first live";
/// The fact: which switch was made last, and what the colours had answered then.
const BEFORE: &str = "answered before the shift";
/// The last switch that has decided what is live.
const DECIDED: &str = "SELECT id FROM journal WHERE what = 'switch' AND phase IN ('done', 'stayed', 'reverted') ORDER BY id DESC LIMIT 1";
/// That one and those after it, newest first. Of those that were refused nothing counts but their epochs.
const SINCE: &str = "SELECT * FROM journal WHERE what = 'switch' AND phase <> 'refused' AND id >= ? ORDER BY id DESC";
/// The highest epoch of all of them.
const HIGHEST: &str = "SELECT coalesce(max(epoch), 0) AS highest FROM journal WHERE what = 'switch' AND id >= ?";

/// What an order to switch to a colour finds in the journal.
#[derive(Debug)]
pub struct Standing {
    /// Who has the lease.
    pub lease: Option<Lease>,
    /// The colour's last deploy, without its steps.
    pub deploy: Option<Entry>,
    /// What the proxy serves, as [`Journal::belief`] says it.
    pub belief: Belief,
}

impl Journal {
    /// What an order to switch to this colour goes by.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn standing(&self, to: Colour) -> Result<Standing, StoreError> {
        let mut connection = self.store.read().await?;
        let (lease, deploy) = (lease(&mut connection).await?, last_deploy(&mut connection, to).await?);
        let belief = if lease.is_some() { Belief::UnderWay } else { undisturbed(&mut connection).await? };
        Ok(Standing { lease, deploy, belief })
    }

    /// What the proxy serves, as far as the journal says it; nothing while somebody has the lease.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn belief(&self) -> Result<Belief, StoreError> {
        let mut connection = self.store.read().await?;
        belief(&mut connection).await
    }

    /// Keeps what is live before there is any switch.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn note_first(&self, claim: Claimed) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        facts::set(&mut transaction, FIRST, &claim).await?;
        transaction.commit().await
    }

    /// Writes down that a switch was made, as [`Journal::reach`] does, and in the same commit what the colours had answered until then, where the
    /// proxy counts. Whoever goes on with it goes by that; it is kept for the last switch alone.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn reach_shifted(&self, id: i64, step: &Step, before: Option<&Before>) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        let reached = close_or_advance(&mut transaction, id, step).await?;
        if reached && let Some(before) = before {
            facts::set(&mut transaction, BEFORE, &(id, before)).await?;
        }
        transaction.commit().await?;
        Ok(reached)
    }

    /// What the colours had answered when a switch was made; none where that was not written down, as an older prober did not.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn before_shift(&self, id: i64) -> Result<Option<Before>, StoreError> {
        let mut connection = self.store.read().await?;
        let kept: Option<(i64, Before)> = facts::get(&mut connection, BEFORE).await?;
        Ok(kept.filter(|(of, _)| *of == id).map(|(_, before)| before))
    }

    /// Writes down a switch that is over and that the prober has not made: the proxy serves it under `epoch`. Its end is still to be told.
    /// False where the journal does not say any more what is `believed`: then nothing is written.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn write_found(&self, believed: &Believed, asked: &Asked, epoch: u64, end: &Step) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        if belief(&mut transaction).await? != Belief::Known(believed.clone()) {
            return Ok(false);
        }
        let insert =
            sql("INSERT INTO journal (epoch, what, target, origin, version, asked_by, forced, phase, reason, started_at, ended_at) \
             VALUES (?, 'switch', ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
        let id: i64 = insert
            .bind(epoch)
            .bind(asked.target.as_str())
            .bind(asked.target.other().as_str())
            .bind(&asked.version)
            .bind(&asked.by)
            .bind(&asked.forced)
            .bind(end.phase.as_str())
            .bind(&end.note)
            .bind(end.at)
            .bind(end.at)
            .one(&mut transaction)
            .await?
            .get("id")?;
        write_step(&mut transaction, id, end).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Sees to it that an entry has the epoch under which its colour was ordered: the journal may not have worked when it was taken.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn has_used(&self, id: i64, epoch: u64) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        sql("UPDATE journal SET epoch = ? WHERE id = ? AND epoch < ?").bind(epoch).bind(id).bind(epoch).run(&mut transaction).await?;
        transaction.commit().await
    }
}

async fn belief(connection: &mut Connection) -> Result<Belief, StoreError> {
    if lease(connection).await?.is_some() { Ok(Belief::UnderWay) } else { undisturbed(connection).await }
}

/// The same, where nobody has the lease.
async fn undisturbed(connection: &mut Connection) -> Result<Belief, StoreError> {
    let decided: Option<i64> = sql(DECIDED).first(connection).await?.map(|row| row.get("id")).transpose()?;
    let since = decided.unwrap_or(0);
    let mut switches = Vec::new();
    for row in sql(SINCE).bind(since).all(connection).await? {
        let mut entry = read_entry(&row, Vec::new())?;
        // How far any other has come does not matter.
        if entry.phase == Phase::Interrupted {
            entry.steps = steps_of(connection, entry.id).await?;
        }
        switches.push(entry);
    }
    let highest: u64 = sql(HIGHEST).bind(since).one(connection).await?.get("highest")?;
    let first: Option<Claimed> = if decided.is_some() { None } else { facts::get(connection, FIRST).await? };
    Ok(believe(&switches, highest, first))
}
