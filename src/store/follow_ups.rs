//! Rows of `follow_up`: how far open incidents have come.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::statement::sql;
use super::value::Value;
use crate::domain::follow_up::FollowUp;
use crate::domain::moment::Moment;

static FOLLOW_UP: Table = Table::new(
    "follow_up",
    "INSERT INTO follow_up (incident, state, look_at)",
    "ON CONFLICT (incident) DO UPDATE SET state = excluded.state, look_at = excluded.look_at",
    Again::Replaces,
);

/// Keeps in mind that these incidents are new, where a transaction works on many.
pub fn expect_none(connection: &mut Connection, incidents: &[String]) {
    incidents.iter().for_each(|incident| connection.remember(FOLLOW_UP.name, incident, None::<FollowUp>));
}

/// How far this incident has come.
///
/// # Errors
/// Where the store does not answer.
pub async fn of(connection: &mut Connection, incident: &str) -> Result<Option<FollowUp>, StoreError> {
    if let Some(known) = connection.known::<Option<FollowUp>>(FOLLOW_UP.name, incident) {
        return Ok(known.clone());
    }
    let query = sql("SELECT state FROM follow_up WHERE incident = ?");
    query.bind(incident).first(connection).await?.map(|row| row.json("state")).transpose()
}

/// The incidents to look at by `now`, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn due(connection: &mut Connection, now: Moment) -> Result<Vec<String>, StoreError> {
    let query = sql("SELECT incident FROM follow_up WHERE look_at <= ? ORDER BY look_at, incident");
    query.bind(now).all(connection).await?.iter().map(|row| row.get("incident")).collect()
}

/// Writes how far it has come, and when to look again.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut Connection, incident: &str, state: &FollowUp, look_at: Option<Moment>) -> Result<(), StoreError> {
    let row = vec![Value::from(incident), Value::from(json::write(state)?), Value::from(look_at)];
    connection.remember(FOLLOW_UP.name, incident, Some(state.clone()));
    connection.write(&FOLLOW_UP, incident, row).await?;
    Ok(())
}

/// Has an incident looked at from `at` on.
///
/// # Errors
/// Where the store refuses.
pub async fn look_at(connection: &mut Connection, incident: &str, at: Moment) -> Result<(), StoreError> {
    sql("UPDATE follow_up SET look_at = ? WHERE incident = ?").bind(at).bind(incident).run(connection).await?;
    Ok(())
}

/// Forgets an incident that is over.
///
/// # Errors
/// Where the store refuses.
pub async fn remove(connection: &mut Connection, incident: &str) -> Result<(), StoreError> {
    sql("DELETE FROM follow_up WHERE incident = ?").bind(incident).run(connection).await?;
    Ok(())
}
