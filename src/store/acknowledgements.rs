//! Rows of `acknowledgement`: who has seen to an incident.

use sqlx::{Row, SqliteConnection};

use super::StoreError;
use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::moment::Moment;

/// Who has seen to this incident, if anybody.
///
/// # Errors
/// Where the store does not answer.
pub async fn of(connection: &mut SqliteConnection, incident: &str) -> Result<Option<Acknowledgement>, StoreError> {
    let row =
        sqlx::query("SELECT by_whom, at, note FROM acknowledgement WHERE incident = ?").bind(incident).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Acknowledgement { by: row.try_get("by_whom")?, at: Moment::from_millis(row.try_get("at")?), note: row.try_get("note")? }))
}

/// Writes that somebody has seen to it. The first one stays on the record.
///
/// # Errors
/// Where the store refuses.
pub async fn insert(connection: &mut SqliteConnection, incident: &str, said: &Acknowledgement) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO acknowledgement (incident, by_whom, at, note) VALUES (?, ?, ?, ?) ON CONFLICT (incident) DO NOTHING")
        .bind(incident)
        .bind(&said.by)
        .bind(said.at.as_millis())
        .bind(&said.note)
        .execute(connection)
        .await?;
    Ok(())
}
