//! Rows of `incident`: one fault each.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::row::Row;
use super::statement::sql;
use super::value::Value;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;

/// An incident as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIncident {
    /// What it is.
    pub incident: Incident,
    /// When it was written.
    pub opened_at: Moment,
    /// When to decide whether another incident is its cause. None: decided.
    pub decide_at: Option<Moment>,
    /// Until when that may stay undecided.
    pub decide_until: Option<Moment>,
    /// It has stood behind a cause: people have heard of it there.
    pub explained: bool,
}

static INCIDENT: Table = Table::new(
    "incident",
    "INSERT INTO incident (key, check_name, status, severity, since, reason, cause, flips, resolved_at,
           opened_at, decide_at, decide_until, explained)",
    "ON CONFLICT (key) DO UPDATE SET status = excluded.status, severity = excluded.severity, reason = excluded.reason,
           cause = excluded.cause, flips = excluded.flips, resolved_at = excluded.resolved_at, decide_at = excluded.decide_at,
           decide_until = excluded.decide_until, explained = excluded.explained",
    Again::Replaces,
);

/// As it is known by its key and by its check.
type Shared = Arc<StoredIncident>;

/// The open incident of each check.
const OPEN: &str = "open incident";

pub(super) fn read(row: &Row) -> Result<StoredIncident, StoreError> {
    let incident = Incident {
        key: row.get("key")?,
        check: row.get("check_name")?,
        status: row.word("status")?,
        severity: row.word("severity")?,
        since: row.get("since")?,
        reason: row.json("reason")?,
        cause: row.get("cause")?,
        flips: row.get("flips")?,
        resolved_at: row.get("resolved_at")?,
    };
    Ok(StoredIncident {
        incident,
        opened_at: row.get("opened_at")?,
        decide_at: row.get("decide_at")?,
        decide_until: row.get("decide_until")?,
        explained: row.get("explained")?,
    })
}

/// Writes an incident, new or not.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut Connection, stored: &StoredIncident) -> Result<(), StoreError> {
    let Incident { key, check, status, severity, since, reason, cause, flips, resolved_at } = &stored.incident;
    let row = vec![
        Value::from(key),
        Value::from(check),
        Value::from(status.as_str()),
        Value::from(severity.as_str()),
        Value::from(*since),
        Value::from(json::write(reason)?),
        Value::from(cause),
        Value::from(*flips),
        Value::from(*resolved_at),
        Value::from(stored.opened_at),
        Value::from(stored.decide_at),
        Value::from(stored.decide_until),
        Value::from(stored.explained),
    ];
    let known: Shared = Arc::new(stored.clone());
    connection.remember(OPEN, check, resolved_at.is_none().then(|| Arc::clone(&known)));
    connection.remember(INCIDENT.name, key, Some(known));
    connection.write(&INCIDENT, key, row).await?;
    Ok(())
}

/// Reads at once whether any of these keys is used and which of these checks have an open incident, where a transaction works on many.
///
/// # Errors
/// Where the store does not answer.
pub async fn read_ahead(connection: &mut Connection, keys: &[String], checks: &BTreeSet<&str>) -> Result<(), StoreError> {
    keys.iter().for_each(|key| connection.remember(INCIDENT.name, key, None::<Shared>));
    checks.iter().for_each(|check| connection.remember(OPEN, check, None::<Shared>));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for row in connection.fetch_among("SELECT * FROM incident WHERE key", &keys).await? {
        let stored = read(&row)?;
        connection.remember(INCIDENT.name, &stored.incident.key.clone(), Some(Arc::new(stored)));
    }
    let checks: Vec<&str> = checks.iter().copied().collect();
    for row in connection.fetch_among("SELECT * FROM incident WHERE resolved_at IS NULL AND check_name", &checks).await? {
        let stored = read(&row)?;
        connection.remember(OPEN, &stored.incident.check.clone(), Some(Arc::new(stored)));
    }
    Ok(())
}

/// The incident with this key.
///
/// # Errors
/// Where the store does not answer.
pub async fn find(connection: &mut Connection, key: &str) -> Result<Option<StoredIncident>, StoreError> {
    if let Some(known) = connection.known::<Option<Shared>>(INCIDENT.name, key) {
        return Ok(known.as_deref().cloned());
    }
    let row = sql("SELECT * FROM incident WHERE key = ?").bind(key).first(connection).await?;
    row.as_ref().map(read).transpose()
}

/// The open incident of a check.
///
/// # Errors
/// Where the store does not answer.
pub async fn open_of(connection: &mut Connection, check: &str) -> Result<Option<StoredIncident>, StoreError> {
    if let Some(known) = connection.known::<Option<Shared>>(OPEN, check) {
        return Ok(known.as_deref().cloned());
    }
    let query = sql("SELECT * FROM incident WHERE check_name = ? AND resolved_at IS NULL");
    query.bind(check).first(connection).await?.as_ref().map(read).transpose()
}

/// Every open incident, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn open(connection: &mut Connection) -> Result<Vec<StoredIncident>, StoreError> {
    let rows = sql("SELECT * FROM incident WHERE resolved_at IS NULL ORDER BY since, key").all(connection).await?;
    rows.iter().map(read).collect()
}

/// The `limit` oldest open incidents that no other explains.
///
/// # Errors
/// Where the store does not answer.
pub async fn oldest_open(connection: &mut Connection, limit: u32) -> Result<Vec<StoredIncident>, StoreError> {
    let query = sql("SELECT * FROM incident WHERE resolved_at IS NULL AND cause IS NULL ORDER BY since, key LIMIT ?");
    query.bind(limit).all(connection).await?.iter().map(read).collect()
}

/// The open incidents that this one explains.
///
/// # Errors
/// Where the store does not answer.
pub async fn explained_by(connection: &mut Connection, cause: &str) -> Result<Vec<StoredIncident>, StoreError> {
    let query = sql("SELECT * FROM incident WHERE cause = ? AND resolved_at IS NULL ORDER BY check_name");
    query.bind(cause).all(connection).await?.iter().map(read).collect()
}

/// The keys of the first incidents whose cause is to be decided by `now`.
///
/// # Errors
/// Where the store does not answer.
pub async fn to_decide(connection: &mut Connection, now: Moment, limit: u32) -> Result<Vec<String>, StoreError> {
    let query = sql("SELECT key FROM incident WHERE decide_at <= ? ORDER BY decide_at, key LIMIT ?");
    let rows = query.bind(now).bind(limit).all(connection).await?;
    rows.iter().map(|row| row.get("key")).collect()
}

/// How many open incidents have each severity.
///
/// # Errors
/// Where the store does not answer.
pub async fn counts(connection: &mut Connection) -> Result<Vec<(String, i64)>, StoreError> {
    let query = sql("SELECT severity, count(*) AS count FROM incident WHERE resolved_at IS NULL GROUP BY severity");
    query.all(connection).await?.iter().map(|row| Ok((row.get("severity")?, row.get("count")?))).collect()
}

/// The incidents of a check that were not over by then, newest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn since(connection: &mut Connection, check: &str, then: Moment, limit: u32) -> Result<Vec<Incident>, StoreError> {
    let query = sql("SELECT * FROM incident WHERE check_name = ? AND (resolved_at IS NULL OR resolved_at >= ?)
         ORDER BY opened_at DESC, key DESC LIMIT ?");
    let rows = query.bind(check).bind(then).bind(limit).all(connection).await?;
    rows.iter().map(|row| Ok(read(row)?.incident)).collect()
}

/// The newest resolved incidents.
///
/// # Errors
/// Where the store does not answer.
pub async fn newest_resolved(connection: &mut Connection, limit: u32) -> Result<Vec<StoredIncident>, StoreError> {
    let query = sql("SELECT * FROM incident WHERE resolved_at IS NOT NULL ORDER BY resolved_at DESC LIMIT ?");
    query.bind(limit).all(connection).await?.iter().map(read).collect()
}
