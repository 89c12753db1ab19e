//! Rows of `check`: what is known of everything that is expected.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{StoreError, json};
use crate::domain::beat::Beat;
use crate::domain::check::State;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::domain::roster::Wanted;
use crate::domain::sent::Made;

/// One check as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheck {
    /// Its name.
    pub name: String,
    /// What was decided last.
    pub state: State,
    /// When to look again. None: only a beat can change it.
    pub look_at: Option<Moment>,
    /// How often the sender said that it beats, in milliseconds.
    pub every_ms: Option<u64>,
    /// What the last beat said besides.
    pub seen: Seen,
    /// How many instances it expects. None: it does not count them.
    pub wanted: Option<Wanted>,
    /// What is expected of it, where no config says so: it was made by its first beat, or through the API.
    pub made: Option<Made>,
}

/// What the last beat of a check said, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The sender.
    pub instance: Option<String>,
    /// The colour that the sender belongs to.
    pub colour: Option<Colour>,
    /// The version beside the sender.
    pub version: Option<String>,
    /// How long the last answer took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Why the last answer was not good.
    pub reason: Option<String>,
}

impl Seen {
    /// What this beat says.
    #[must_use]
    pub fn of(beat: &Beat) -> Self {
        let health = beat.health.as_ref();
        Self {
            instance: Some(beat.identity.instance.clone()),
            colour: beat.colour,
            version: beat.version.clone(),
            latency_ms: health.and_then(|health| health.latency_ms),
            reason: health.and_then(|health| health.reason.clone()),
        }
    }
}

fn read(row: &SqliteRow) -> Result<StoredCheck, StoreError> {
    Ok(StoredCheck {
        name: row.try_get("name")?,
        state: json::read(row.try_get("state")?)?,
        look_at: json::moment(row.try_get("look_at")?),
        every_ms: row.try_get::<Option<i64>, _>("every_ms")?.and_then(|every| u64::try_from(every).ok()),
        seen: json::read(row.try_get("seen")?)?,
        wanted: row.try_get::<Option<&str>, _>("wanted")?.map(json::read).transpose()?,
        made: row.try_get::<Option<&str>, _>("made")?.map(json::read).transpose()?,
    })
}

/// Every check, by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<StoredCheck>, StoreError> {
    let rows = sqlx::query("SELECT * FROM \"check\" ORDER BY name").fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// The check with this name.
///
/// # Errors
/// Where the store does not answer.
pub async fn find(connection: &mut SqliteConnection, name: &str) -> Result<Option<StoredCheck>, StoreError> {
    let row = sqlx::query("SELECT * FROM \"check\" WHERE name = ?").bind(name).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// The names of the checks that are to be looked at up to `until`.
///
/// # Errors
/// Where the store does not answer.
pub async fn due(connection: &mut SqliteConnection, until: Moment) -> Result<Vec<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT name FROM \"check\" WHERE look_at <= ? ORDER BY look_at, name");
    Ok(query.bind(until.as_millis()).fetch_all(connection).await?)
}

/// Writes a check, new or not.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut SqliteConnection, check: &StoredCheck) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO \"check\" (name, status, state, look_at, every_ms, seen, wanted, made, uuid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(&check.name)
        .bind(check.state.status.as_str())
        .bind(json::write(&check.state)?)
        .bind(json::millis(check.look_at))
        .bind(check.every_ms.map(json::signed))
        .bind(json::write(&check.seen)?)
        .bind(check.wanted.as_ref().map(json::write).transpose()?)
        .bind(check.made.as_ref().map(json::write).transpose()?)
        .bind(check.made.as_ref().map(|made| made.uuid.to_string()))
        .execute(connection)
        .await?;
    Ok(())
}

/// How many checks have each status.
///
/// # Errors
/// Where the store does not answer.
pub async fn counts(connection: &mut SqliteConnection) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(sqlx::query_as("SELECT status, count(*) FROM \"check\" GROUP BY status").fetch_all(connection).await?)
}

/// Forgets a check that is expected no more.
///
/// # Errors
/// Where the store refuses.
pub async fn remove(connection: &mut SqliteConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM \"check\" WHERE name = ?").bind(name).execute(connection).await?;
    Ok(())
}

/// Has a check looked at from `at` on, if only a beat could change it otherwise or if it would be looked at later.
///
/// # Errors
/// Where the store refuses.
pub async fn look_soon(connection: &mut SqliteConnection, name: &str, at: Moment) -> Result<(), StoreError> {
    sqlx::query("UPDATE \"check\" SET look_at = min(coalesce(look_at, ?1), ?1) WHERE name = ?2 AND status <> 'down'")
        .bind(at.as_millis())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}
