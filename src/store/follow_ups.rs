//! Rows of `follow_up`: how far open incidents have come.

use sqlx::SqliteConnection;

use super::{StoreError, json};
use crate::domain::follow_up::FollowUp;
use crate::domain::moment::Moment;

/// How far this incident has come.
///
/// # Errors
/// Where the store does not answer.
pub async fn of(connection: &mut SqliteConnection, incident: &str) -> Result<Option<FollowUp>, StoreError> {
    let query = sqlx::query_scalar("SELECT state FROM follow_up WHERE incident = ?");
    let state: Option<String> = query.bind(incident).fetch_optional(connection).await?;
    state.as_deref().map(json::read).transpose()
}

/// The incidents to look at by `now`, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn due(connection: &mut SqliteConnection, now: Moment) -> Result<Vec<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT incident FROM follow_up WHERE look_at <= ? ORDER BY look_at, incident");
    Ok(query.bind(now.as_millis()).fetch_all(connection).await?)
}

/// Writes how far it has come, and when to look again.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut SqliteConnection, incident: &str, state: &FollowUp, look_at: Option<Moment>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO follow_up (incident, state, look_at) VALUES (?, ?, ?)
         ON CONFLICT (incident) DO UPDATE SET state = excluded.state, look_at = excluded.look_at",
    )
    .bind(incident)
    .bind(json::write(state)?)
    .bind(json::millis(look_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Has an incident looked at from `at` on.
///
/// # Errors
/// Where the store refuses.
pub async fn look_at(connection: &mut SqliteConnection, incident: &str, at: Moment) -> Result<(), StoreError> {
    sqlx::query("UPDATE follow_up SET look_at = ? WHERE incident = ?").bind(at.as_millis()).bind(incident).execute(connection).await?;
    Ok(())
}

/// Forgets an incident that is over.
///
/// # Errors
/// Where the store refuses.
pub async fn remove(connection: &mut SqliteConnection, incident: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM follow_up WHERE incident = ?").bind(incident).execute(connection).await?;
    Ok(())
}
