//! Rows of `notice`: what one channel is to be told, or was.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::row::Row;
use super::statement::sql;
use super::value::Value;
use crate::domain::moment::Moment;
use crate::domain::notice::Notice;

/// A notice as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNotice {
    /// What it says.
    pub notice: Notice,
    /// Who is told.
    pub channel: String,
    /// When to try next.
    pub due_at: Moment,
    /// How often it was tried: counted before the channel is asked.
    pub attempts: u32,
    /// Until when somebody is trying.
    pub claimed_until: Option<Moment>,
    /// Since when it has failed.
    pub failed_since: Option<Moment>,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When others were told in this channel's stead.
    pub passed_on_at: Option<Moment>,
    /// When the channel took it.
    pub taken_at: Option<Moment>,
    /// What the channel said then.
    pub receipt: Option<String>,
}

pub(super) fn read(row: &Row) -> Result<StoredNotice, StoreError> {
    Ok(StoredNotice {
        notice: row.json("payload")?,
        channel: row.get("channel")?,
        due_at: row.get("due_at")?,
        attempts: row.get("attempts")?,
        claimed_until: row.get("claimed_until")?,
        failed_since: row.get("failed_since")?,
        last_error: row.get("last_error")?,
        passed_on_at: row.get("passed_on_at")?,
        taken_at: row.get("taken_at")?,
        receipt: row.get("receipt")?,
    })
}

static NOTICE: Table = Table::new(
    "notice",
    "INSERT INTO notice (key, incident, check_name, channel, kind, payload, created_at, due_at)",
    "ON CONFLICT (key) DO UPDATE SET payload = excluded.payload, due_at = excluded.due_at, withdrawn_at = NULL
           WHERE notice.withdrawn_at IS NOT NULL AND notice.taken_at IS NULL",
    Again::Keeps,
);

/// Writes a notice that is due at `due_at`. One that is there stays as it is, unless it was withdrawn: then it is due again.
///
/// # Errors
/// Where the store refuses.
pub async fn write(connection: &mut Connection, notice: &Notice, channel: &str, due_at: Moment) -> Result<(), StoreError> {
    let row = vec![
        Value::from(&notice.key),
        Value::from(&notice.subject.incident),
        Value::from(&notice.subject.check),
        Value::from(channel),
        Value::from(notice.kind.as_str()),
        Value::from(json::write(notice)?),
        Value::from(notice.at),
        Value::from(due_at),
    ];
    connection.write(&NOTICE, &notice.key, row).await?;
    Ok(())
}

/// Everything that was written about an incident and not withdrawn, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn about(connection: &mut Connection, incident: &str) -> Result<Vec<StoredNotice>, StoreError> {
    let query = sql("SELECT * FROM notice WHERE incident = ? AND withdrawn_at IS NULL ORDER BY id");
    query.bind(incident).all(connection).await?.iter().map(read).collect()
}

/// The channels that were sent something about an incident which was withdrawn then: nobody knows whether they have it.
///
/// # Errors
/// Where the store does not answer.
pub async fn tried_and_withdrawn(connection: &mut Connection, incident: &str) -> Result<Vec<String>, StoreError> {
    let query =
        sql("SELECT DISTINCT channel FROM notice WHERE incident = ? AND attempts > 0 AND withdrawn_at IS NOT NULL ORDER BY channel");
    query.bind(incident).all(connection).await?.iter().map(|row| row.get("channel")).collect()
}

/// Withdraws a notice that nobody has taken.
///
/// # Errors
/// Where the store refuses.
pub async fn withdraw(connection: &mut Connection, key: &str, now: Moment) -> Result<(), StoreError> {
    sql("UPDATE notice SET withdrawn_at = ? WHERE key = ? AND taken_at IS NULL AND withdrawn_at IS NULL")
        .bind(now)
        .bind(key)
        .run(connection)
        .await?;
    Ok(())
}

/// Withdraws everything that was written before `before` and that nobody has taken, but for what nobody else can tell: how a switch
/// ended, that the watchers themselves are gone or back, and the end of what was told and not handed over. Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn withdraw_older(connection: &mut Connection, before: Moment, now: Moment) -> Result<u64, StoreError> {
    let query = sql("UPDATE notice AS n SET withdrawn_at = ? WHERE created_at < ? AND taken_at IS NULL AND withdrawn_at IS NULL
         AND kind NOT LIKE 'switch.%' AND check_name <> 'watcher'
         AND NOT (kind = 'check.resolved' AND EXISTS (SELECT 1 FROM notice o WHERE o.incident = n.incident
           AND o.channel = n.channel AND o.kind <> n.kind AND o.taken_at IS NOT NULL AND o.handed_over_at IS NULL))");
    query.bind(now).bind(before).run(connection).await
}

/// Writes down that somebody else goes on telling an incident: what was taken by now is handed over. Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn hand_over(connection: &mut Connection, incident: &str, now: Moment) -> Result<u64, StoreError> {
    let query = sql("UPDATE notice SET handed_over_at = ? WHERE incident = ? AND taken_at IS NOT NULL AND handed_over_at IS NULL");
    query.bind(now).bind(incident).run(connection).await
}

/// Whether something was taken about an incident and not handed over.
///
/// # Errors
/// Where the store does not answer.
pub async fn is_ours(connection: &mut Connection, incident: &str) -> Result<bool, StoreError> {
    let query = "SELECT count(*) AS count FROM notice WHERE incident = ? AND taken_at IS NOT NULL AND handed_over_at IS NULL";
    Ok(sql(query).bind(incident).count(connection).await? > 0)
}

/// What a channel took last of each open incident, but for what was handed over, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn taken_last(connection: &mut Connection, channel: &str) -> Result<Vec<Notice>, StoreError> {
    let query = sql("SELECT payload FROM notice WHERE id IN (SELECT max(id) FROM notice WHERE channel = ? AND taken_at IS NOT NULL
           AND handed_over_at IS NULL AND incident IN (SELECT key FROM incident WHERE resolved_at IS NULL) GROUP BY incident)
         ORDER BY id");
    query.bind(channel).all(connection).await?.iter().map(|row| row.json("payload")).collect()
}

/// Has the notices of an incident that were held for its cause tried from `due_at` on.
///
/// # Errors
/// Where the store refuses.
pub async fn release(connection: &mut Connection, incident: &str, due_at: Moment) -> Result<(), StoreError> {
    sql("UPDATE notice SET due_at = least(due_at, ?) WHERE incident = ? AND attempts = 0 AND taken_at IS NULL AND withdrawn_at IS NULL")
        .bind(due_at)
        .bind(incident)
        .run(connection)
        .await?;
    Ok(())
}

/// Says anew what a notice says that nobody has taken.
///
/// # Errors
/// Where the store refuses.
pub async fn reword(connection: &mut Connection, notice: &Notice) -> Result<(), StoreError> {
    sql("UPDATE notice SET payload = ? WHERE key = ? AND taken_at IS NULL")
        .bind(json::write(notice)?)
        .bind(&notice.key)
        .run(connection)
        .await?;
    Ok(())
}

/// The newest notices that were taken, tried or are due, newest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn newest(connection: &mut Connection, limit: u32) -> Result<Vec<StoredNotice>, StoreError> {
    let query = sql("SELECT * FROM notice WHERE withdrawn_at IS NULL ORDER BY id DESC LIMIT ?");
    query.bind(limit).all(connection).await?.iter().map(read).collect()
}
