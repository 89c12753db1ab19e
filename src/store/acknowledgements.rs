//! Rows of `acknowledgement`: who has seen to an incident.

use super::connection::Connection;
use super::error::StoreError;
use super::statement::sql;
use crate::domain::acknowledgement::Acknowledgement;

/// Who has seen to this incident, if anybody.
///
/// # Errors
/// Where the store does not answer.
pub async fn of(connection: &mut Connection, incident: &str) -> Result<Option<Acknowledgement>, StoreError> {
    let row = sql("SELECT by_whom, at, note FROM acknowledgement WHERE incident = ?").bind(incident).first(connection).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Acknowledgement { by: row.get("by_whom")?, at: row.get("at")?, note: row.get("note")? }))
}

/// Writes that somebody has seen to it. The first one stays on the record.
///
/// # Errors
/// Where the store refuses.
pub async fn insert(connection: &mut Connection, incident: &str, said: &Acknowledgement) -> Result<(), StoreError> {
    sql("INSERT INTO acknowledgement (incident, by_whom, at, note) VALUES (?, ?, ?, ?) ON CONFLICT (incident) DO NOTHING")
        .bind(incident)
        .bind(&said.by)
        .bind(said.at)
        .bind(&said.note)
        .run(connection)
        .await?;
    Ok(())
}
