//! The journal of deploys and switches, and the lease that lets one of them be under way at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::connection::{Connection, Transaction};
use super::database::Store;
use super::error::StoreError;
use super::notices;
use super::opened::Outlives;
use super::row::Row;
use super::statement::sql;
use crate::domain::beat::DeployUnderWay;
use crate::domain::colour::Colour;
use crate::domain::entry::{Asked, Entry, Intent, Lease, Step, Taken, What};
use crate::domain::moment::Moment;
use crate::domain::notice::Notice;
use crate::domain::switch::Phase;

mod standing;

pub use standing::Standing;

/// The last deploys of a colour that were not done, after the last one that was.
const UNPROVEN: &str = "SELECT id FROM journal WHERE what = 'deploy' AND target = ? AND phase <> 'done' AND id > \
     (SELECT coalesce(max(id), 0) FROM journal WHERE what = 'deploy' AND target = ? AND phase = 'done') ORDER BY id DESC LIMIT 8";

const LAST_SWITCH: &str = "SELECT * FROM journal WHERE what = 'switch' ORDER BY id DESC LIMIT 1";
const LAST_DEPLOY: &str = "SELECT * FROM journal WHERE what = 'deploy' AND target = ? ORDER BY id DESC LIMIT 1";
const UNFINISHED: &str = "SELECT * FROM journal WHERE what = 'switch' AND ended_at IS NULL ORDER BY id";
const UNTOLD: &str = "SELECT * FROM journal WHERE what = 'switch' AND ended_at IS NOT NULL AND told = 0 ORDER BY id";
const HIGHEST: &str = "SELECT coalesce(max(epoch), 0) AS highest FROM journal";

/// The journal in a store.
#[derive(Debug, Clone)]
pub struct Journal {
    store: Store,
}

impl Journal {
    /// In this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Takes the lease and writes the intent down, in one commit, unless somebody has it. What a lease held that has run out is closed as interrupted.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn take(&self, intent: Intent, now: Moment) -> Result<Taken, StoreError> {
        let mut transaction = self.store.begin().await?;
        if let Some(lease) = lease_in_time(&mut transaction, now).await? {
            return Ok(Taken::Locked(lease));
        }
        let epoch = next_epoch(&mut transaction, intent.proxy_epoch).await?;
        let Asked { target, version, by, forced, instances } = &intent.asked;
        let former = expected_of(&mut transaction, *target).await?;
        let id: i64 =
            sql("INSERT INTO journal (epoch, what, target, origin, version, asked_by, forced, instances, former, phase, started_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?) RETURNING id")
            .bind(epoch)
            .bind(intent.what.as_str())
            .bind(target.as_str())
            .bind(intent.origin.map(Colour::as_str))
            .bind(version)
            .bind(by)
            .bind(forced)
            .bind(instances)
            .bind(former)
            .bind(now)
            .one(&mut transaction)
            .await?
            .get("id")?;
        let insert = sql("INSERT INTO lease (one, entry, until) VALUES (1, ?, ?)");
        insert.bind(id).bind(intent.until).run(&mut transaction).await?;
        if let Some(fewer) = instances.filter(|count| *count < former.unwrap_or(intent.configured)) {
            expect(&mut transaction, *target, Some(fewer)).await?;
        }
        let note = forced.as_ref().map(|why| format!("the gate is skipped: {why}"));
        let step = Step { phase: Phase::Intended, at: now, note };
        write_step(&mut transaction, id, &step).await?;
        transaction.commit().await?;
        let Intent { what, asked, origin, .. } = intent;
        let (phase, steps) = (step.phase, vec![step]);
        Ok(Taken::Ours(Entry { id, epoch, what, asked, origin, phase, reason: None, output: None, steps, started_at: now, ended_at: None }))
    }

    /// Writes down that a phase was reached. A phase that is over frees the lease and keeps its note as the entry's reason.
    /// False where a switch that stands where it does cannot come there: it is over already, or a phase would be skipped. Then it stays as it is.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn reach(&self, id: i64, step: &Step) -> Result<bool, StoreError> {
        let outlives = if step.phase.may_be_lost() { Outlives::Crash } else { Outlives::PowerCut };
        let mut transaction = self.store.begin_outliving(outlives).await?;
        let reached = close_or_advance(&mut transaction, id, step).await?;
        transaction.commit().await?;
        Ok(reached)
    }

    /// The same for an order that was carried out by somebody else, and keeps what was said meanwhile.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn end(&self, id: i64, step: &Step, output: Option<&str>) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        let keep = sql("UPDATE journal SET output = ? WHERE id = ? AND ended_at IS NULL");
        keep.bind(output).bind(id).run(&mut transaction).await?;
        let reached = close_or_advance(&mut transaction, id, step).await?;
        transaction.commit().await?;
        Ok(reached)
    }

    /// Takes a new epoch for an entry, higher than every one before, and says which.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn new_epoch(&self, id: i64, proxy_epoch: u64) -> Result<u64, StoreError> {
        let mut transaction = self.store.begin().await?;
        let epoch = next_epoch(&mut transaction, proxy_epoch).await?;
        sql("UPDATE journal SET epoch = ? WHERE id = ?").bind(epoch).bind(id).run(&mut transaction).await?;
        transaction.commit().await?;
        Ok(epoch)
    }

    /// Lets an entry that goes on keep the lease until then; it gets the lease back where that has run out and nobody has it.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn renew(&self, id: i64, until: Moment) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        sql("INSERT INTO lease (one, entry, until) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET until = excluded.until WHERE lease.entry = excluded.entry")
            .bind(id)
            .bind(until)
            .run(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// How many instances of a colour are expected, as far as an order has said so.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn expected(&self) -> Result<BTreeMap<Colour, u32>, StoreError> {
        let mut connection = self.store.read().await?;
        let mut expected = BTreeMap::new();
        for colour in Colour::BOTH {
            expected.extend(expected_of(&mut connection, colour).await?.map(|count| (colour, count)));
        }
        Ok(expected)
    }

    /// Closes deploys, scales and stops whose time is over.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn close_overdue_deploys(&self, now: Moment) -> Result<(), StoreError> {
        let mut connection = self.store.read().await?;
        match lease(&mut connection).await? {
            Some(lease) if lease.what.is_of_instances() && lease.until <= now => {}
            Some(_) | None => return Ok(()),
        }
        drop(connection);
        let mut transaction = self.store.begin().await?;
        lease_in_time(&mut transaction, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Who has the lease.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn lease(&self) -> Result<Option<Lease>, StoreError> {
        let mut connection = self.store.read().await?;
        lease(&mut connection).await
    }

    /// One entry.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn entry(&self, id: i64) -> Result<Option<Entry>, StoreError> {
        let mut connection = self.store.read().await?;
        entry(&mut connection, id).await
    }

    /// The newest entries first.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn history(&self, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let rows = sql("SELECT * FROM journal ORDER BY id DESC LIMIT ?").bind(limit);
        let mut connection = self.store.read().await?;
        let rows = rows.all(&mut connection).await?;
        with_steps(&mut connection, rows).await
    }

    /// The last switch.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn last_switch(&self) -> Result<Option<Entry>, StoreError> {
        self.some(LAST_SWITCH).await.map(|mut found| found.pop())
    }

    /// The last deploy of a colour, without its steps.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn last_deploy(&self, colour: Colour) -> Result<Option<Entry>, StoreError> {
        let mut connection = self.store.read().await?;
        last_deploy(&mut connection, colour).await
    }

    /// The deploys of a colour since the last one that was done, newest first: nobody has proven what they left, if they left anything.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn unproven_deploys(&self, colour: Colour) -> Result<Vec<i64>, StoreError> {
        let mut connection = self.store.read().await?;
        let rows = sql(UNPROVEN).bind(colour.as_str()).bind(colour.as_str()).all(&mut connection).await?;
        rows.iter().map(|row| row.get("id")).collect()
    }

    /// Switches that have not ended.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn unfinished_switches(&self) -> Result<Vec<Entry>, StoreError> {
        self.some(UNFINISHED).await
    }

    /// Switches that have ended and that nobody has been told of.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn untold(&self) -> Result<Vec<Entry>, StoreError> {
        self.some(UNTOLD).await
    }

    /// Writes what channels are to be told of an entry's end, by channel, and that it is told, in one commit.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn tell(&self, id: i64, told: &[(String, Notice)], now: Moment) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        for (channel, notice) in told {
            notices::write(&mut transaction, notice, channel, now).await?;
        }
        sql("UPDATE journal SET told = 1 WHERE id = ?").bind(id).run(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The deploy that is under way.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn deploy_under_way(&self, now: Moment) -> Result<Option<DeployUnderWay>, StoreError> {
        let lease = self.lease().await?.filter(|lease| lease.what == What::Deploy && now < lease.until);
        Ok(lease.map(|lease| DeployUnderWay { colour: lease.target, until: lease.until }))
    }

    async fn some(&self, query: &'static str) -> Result<Vec<Entry>, StoreError> {
        let mut connection = self.store.read().await?;
        let rows = sql(query).all(&mut connection).await?;
        with_steps(&mut connection, rows).await
    }
}

async fn next_epoch(connection: &mut Connection, proxy_epoch: u64) -> Result<u64, StoreError> {
    let highest: u64 = sql(HIGHEST).one(connection).await?.get("highest")?;
    Ok(highest.max(proxy_epoch) + 1)
}

async fn close_or_advance(connection: &mut Connection, id: i64, step: &Step) -> Result<bool, StoreError> {
    if !may_reach(connection, id, step.phase).await? {
        return Ok(false);
    }
    let over = step.phase.is_over();
    let update = sql("UPDATE journal SET phase = ?, reason = coalesce(?, reason), ended_at = ? WHERE id = ? AND ended_at IS NULL")
        .bind(step.phase.as_str())
        .bind(step.note.as_ref().filter(|_| over))
        .bind(over.then(|| step.at.as_millis()))
        .bind(id);
    if update.run(connection).await? == 0 {
        return Ok(false);
    }
    write_step(connection, id, step).await?;
    if over {
        sql("DELETE FROM lease WHERE entry = ?").bind(id).run(connection).await?;
        settle_expected(connection, id, step.phase).await?;
    }
    Ok(true)
}

/// A switch goes from phase to phase; an order about instances is under way or over.
async fn may_reach(connection: &mut Connection, id: i64, phase: Phase) -> Result<bool, StoreError> {
    let Some(row) = sql("SELECT what, phase FROM journal WHERE id = ?").bind(id).first(connection).await? else { return Ok(false) };
    let (what, stands_at): (What, Phase) = (word(&row, "what")?, word(&row, "phase")?);
    Ok(what.is_of_instances() || stands_at.may_become(phase))
}

/// What was asked for counts from its good end on; what did not end well leaves the number as it was.
async fn settle_expected(connection: &mut Connection, id: i64, phase: Phase) -> Result<(), StoreError> {
    let row = sql("SELECT target, instances, former FROM journal WHERE id = ? AND instances IS NOT NULL");
    let Some(row) = row.bind(id).first(connection).await? else { return Ok(()) };
    let count = if phase == Phase::Done { "instances" } else { "former" };
    expect(connection, word(&row, "target")?, row.get(count)?).await
}

/// Records how many instances are expected. None: what is configured counts.
async fn expect(connection: &mut Connection, colour: Colour, count: Option<u32>) -> Result<(), StoreError> {
    match count {
        Some(count) => {
            let insert = sql(
                "INSERT INTO expected (colour, instances) VALUES (?, ?) ON CONFLICT (colour) DO UPDATE SET instances = excluded.instances",
            );
            insert.bind(colour.as_str()).bind(count).run(connection).await?;
        }
        None => {
            sql("DELETE FROM expected WHERE colour = ?").bind(colour.as_str()).run(connection).await?;
        }
    }
    Ok(())
}

async fn expected_of(connection: &mut Connection, colour: Colour) -> Result<Option<u32>, StoreError> {
    let row = sql("SELECT instances FROM expected WHERE colour = ?").bind(colour.as_str()).first(connection).await?;
    row.map(|row| row.get("instances")).transpose()
}

/// Who has the lease; whoever had it for longer than it lasts is closed.
async fn lease_in_time(transaction: &mut Transaction, now: Moment) -> Result<Option<Lease>, StoreError> {
    let found = match lease(transaction).await? {
        Some(found) if found.until <= now => found,
        in_time => return Ok(in_time),
    };
    let step = Step { phase: Phase::Interrupted, at: now, note: Some(format!("its time was over at {}", found.until)) };
    close_or_advance(transaction, found.entry, &step).await?;
    lease(transaction).await
}

async fn write_step(connection: &mut Connection, id: i64, step: &Step) -> Result<(), StoreError> {
    let insert = sql("INSERT INTO journal_step (number, entry, phase, at, note)
         SELECT coalesce(max(number), 0) + 1, ?1, ?2, ?3, ?4 FROM journal_step WHERE entry = ?1");
    insert.bind(id).bind(step.phase.as_str()).bind(step.at).bind(&step.note).run(connection).await?;
    Ok(())
}

async fn lease(connection: &mut Connection) -> Result<Option<Lease>, StoreError> {
    let query = "SELECT journal.*, lease.until FROM lease JOIN journal ON journal.id = lease.entry";
    let Some(row) = sql(query).first(connection).await? else { return Ok(None) };
    let entry = read_entry(&row, Vec::new())?;
    Ok(Some(Lease {
        holder: entry.asked.by,
        what: entry.what,
        target: entry.asked.target,
        since: entry.started_at,
        epoch: entry.epoch,
        entry: entry.id,
        until: row.get("until")?,
    }))
}

async fn entry(connection: &mut Connection, id: i64) -> Result<Option<Entry>, StoreError> {
    let rows = sql("SELECT * FROM journal WHERE id = ?").bind(id).all(connection).await?;
    Ok(with_steps(connection, rows).await?.pop())
}

async fn with_steps(connection: &mut Connection, rows: Vec<Row>) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for row in rows {
        let steps = steps_of(connection, row.get("id")?).await?;
        entries.push(read_entry(&row, steps)?);
    }
    Ok(entries)
}

async fn steps_of(connection: &mut Connection, id: i64) -> Result<Vec<Step>, StoreError> {
    let steps = sql("SELECT phase, at, note FROM journal_step WHERE entry = ? ORDER BY number, at").bind(id);
    steps.all(connection).await?.iter().map(read_step).collect()
}

async fn last_deploy(connection: &mut Connection, colour: Colour) -> Result<Option<Entry>, StoreError> {
    let row = sql(LAST_DEPLOY).bind(colour.as_str()).first(connection).await?;
    row.map(|row| read_entry(&row, Vec::new())).transpose()
}

fn read_step(row: &Row) -> Result<Step, StoreError> {
    Ok(Step { phase: word(row, "phase")?, at: row.get("at")?, note: row.get("note")? })
}

fn read_entry(row: &Row, steps: Vec<Step>) -> Result<Entry, StoreError> {
    let origin: Option<String> = row.get("origin")?;
    Ok(Entry {
        id: row.get("id")?,
        epoch: row.get("epoch")?,
        what: word(row, "what")?,
        asked: Asked {
            target: word(row, "target")?,
            version: row.get("version")?,
            by: row.get("asked_by")?,
            forced: row.get("forced")?,
            instances: row.get("instances")?,
        },
        origin: origin.and_then(|colour| colour.parse().ok()),
        phase: word(row, "phase")?,
        reason: row.get("reason")?,
        output: row.get("output")?,
        steps,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
    })
}

fn word<T: FromStr<Err: fmt::Display>>(row: &Row, column: &str) -> Result<T, StoreError> {
    row.get::<String>(column)?.parse().map_err(|error: T::Err| StoreError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests;
