//! Rows of `flip`: every change of status.

use sqlx::{Row, SqliteConnection};

use super::{StoreError, json};
use crate::domain::check::{Flip, State};

/// A flip as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFlip {
    /// The change.
    pub flip: Flip,
    /// The state before it.
    pub before: State,
    /// The incident that it opened, continued or resolved.
    pub incident: Option<String>,
}

/// Writes a flip.
///
/// # Errors
/// Where the store refuses.
pub async fn insert(connection: &mut SqliteConnection, check: &str, flip: &StoredFlip) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO flip (check_name, at, flip, before, incident) VALUES (?, ?, ?, ?, ?)")
        .bind(check)
        .bind(flip.flip.at.as_millis())
        .bind(json::write(&flip.flip)?)
        .bind(json::write(&flip.before)?)
        .bind(&flip.incident)
        .execute(connection)
        .await?;
    Ok(())
}

/// The last flip of a check.
///
/// # Errors
/// Where the store does not answer.
pub async fn last_of(connection: &mut SqliteConnection, check: &str) -> Result<Option<StoredFlip>, StoreError> {
    let row =
        sqlx::query("SELECT * FROM flip WHERE check_name = ? ORDER BY id DESC LIMIT 1").bind(check).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredFlip {
        flip: json::read(row.try_get("flip")?)?,
        before: json::read(row.try_get("before")?)?,
        incident: row.try_get("incident")?,
    }))
}

/// Takes the last flip of a check back.
///
/// # Errors
/// Where the store refuses.
pub async fn remove_last(connection: &mut SqliteConnection, check: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM flip WHERE id = (SELECT max(id) FROM flip WHERE check_name = ?)").bind(check).execute(connection).await?;
    Ok(())
}

/// Forgets all but the newest `keep`.
///
/// # Errors
/// Where the store refuses.
pub async fn prune(connection: &mut SqliteConnection, keep: u32) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM flip WHERE id <= (SELECT max(id) FROM flip) - ?").bind(i64::from(keep)).execute(connection).await?;
    Ok(())
}
