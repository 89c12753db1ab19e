//! Rows of `incident`: one fault each.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{StoreError, json};
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

fn read(row: &SqliteRow) -> Result<StoredIncident, StoreError> {
    let incident = Incident {
        key: row.try_get("key")?,
        check: row.try_get("check_name")?,
        status: json::read_word(row.try_get("status")?)?,
        severity: json::read_word(row.try_get("severity")?)?,
        since: Moment::from_millis(row.try_get("since")?),
        reason: json::read(row.try_get("reason")?)?,
        cause: row.try_get("cause")?,
        flips: u32::try_from(row.try_get::<i64, _>("flips")?).unwrap_or(u32::MAX),
        resolved_at: json::moment(row.try_get("resolved_at")?),
    };
    Ok(StoredIncident {
        incident,
        opened_at: Moment::from_millis(row.try_get("opened_at")?),
        decide_at: json::moment(row.try_get("decide_at")?),
        decide_until: json::moment(row.try_get("decide_until")?),
        explained: row.try_get("explained")?,
    })
}

/// Writes an incident, new or not.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut SqliteConnection, stored: &StoredIncident) -> Result<(), StoreError> {
    let Incident { key, check, status, severity, since, reason, cause, flips, resolved_at } = &stored.incident;
    sqlx::query(
        "INSERT INTO incident (key, check_name, status, severity, since, reason, cause, flips, resolved_at,
           opened_at, decide_at, decide_until, explained) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET status = excluded.status, severity = excluded.severity, reason = excluded.reason,
           cause = excluded.cause, flips = excluded.flips, resolved_at = excluded.resolved_at, decide_at = excluded.decide_at,
           decide_until = excluded.decide_until, explained = excluded.explained",
    )
    .bind(key)
    .bind(check)
    .bind(status.as_str())
    .bind(severity.as_str())
    .bind(since.as_millis())
    .bind(json::write(reason)?)
    .bind(cause)
    .bind(i64::from(*flips))
    .bind(json::millis(*resolved_at))
    .bind(stored.opened_at.as_millis())
    .bind(json::millis(stored.decide_at))
    .bind(json::millis(stored.decide_until))
    .bind(stored.explained)
    .execute(connection)
    .await?;
    Ok(())
}

/// The incident with this key.
///
/// # Errors
/// Where the store does not answer.
pub async fn find(connection: &mut SqliteConnection, key: &str) -> Result<Option<StoredIncident>, StoreError> {
    let row = sqlx::query("SELECT * FROM incident WHERE key = ?").bind(key).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// The open incident of a check.
///
/// # Errors
/// Where the store does not answer.
pub async fn open_of(connection: &mut SqliteConnection, check: &str) -> Result<Option<StoredIncident>, StoreError> {
    let query = sqlx::query("SELECT * FROM incident WHERE check_name = ? AND resolved_at IS NULL");
    query.bind(check).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Every open incident, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn open(connection: &mut SqliteConnection) -> Result<Vec<StoredIncident>, StoreError> {
    let rows = sqlx::query("SELECT * FROM incident WHERE resolved_at IS NULL ORDER BY since, key").fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// The open incidents that this one explains.
///
/// # Errors
/// Where the store does not answer.
pub async fn explained_by(connection: &mut SqliteConnection, cause: &str) -> Result<Vec<StoredIncident>, StoreError> {
    let query = sqlx::query("SELECT * FROM incident WHERE cause = ? AND resolved_at IS NULL ORDER BY check_name");
    query.bind(cause).fetch_all(connection).await?.iter().map(read).collect()
}

/// The keys of the incidents whose cause is to be decided by `now`.
///
/// # Errors
/// Where the store does not answer.
pub async fn to_decide(connection: &mut SqliteConnection, now: Moment) -> Result<Vec<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT key FROM incident WHERE decide_at <= ? ORDER BY decide_at, key");
    Ok(query.bind(now.as_millis()).fetch_all(connection).await?)
}

/// How many open incidents have each severity.
///
/// # Errors
/// Where the store does not answer.
pub async fn counts(connection: &mut SqliteConnection) -> Result<Vec<(String, i64)>, StoreError> {
    let query = sqlx::query_as("SELECT severity, count(*) FROM incident WHERE resolved_at IS NULL GROUP BY severity");
    Ok(query.fetch_all(connection).await?)
}

/// The newest resolved incidents.
///
/// # Errors
/// Where the store does not answer.
pub async fn newest_resolved(connection: &mut SqliteConnection, limit: u32) -> Result<Vec<StoredIncident>, StoreError> {
    let query = sqlx::query("SELECT * FROM incident WHERE resolved_at IS NOT NULL ORDER BY resolved_at DESC LIMIT ?");
    query.bind(limit).fetch_all(connection).await?.iter().map(read).collect()
}
