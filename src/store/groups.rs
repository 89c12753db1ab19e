//! Rows of `alarm_group`: many incidents that are told as one. Its members name it as their cause.

use sqlx::SqliteConnection;

use super::{StoreError, json};
use crate::domain::moment::Moment;

/// Writes that a group was told.
///
/// # Errors
/// Where the store refuses.
pub async fn insert(connection: &mut SqliteConnection, incident: &str, at: Moment) -> Result<(), StoreError> {
    let query = sqlx::query("INSERT INTO alarm_group (incident, opened_at) VALUES (?, ?) ON CONFLICT (incident) DO NOTHING");
    query.bind(incident).bind(at.as_millis()).execute(connection).await?;
    Ok(())
}

/// The groups that are told and have no open member any more.
///
/// # Errors
/// Where the store does not answer.
pub async fn empty(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let query = "SELECT incident FROM alarm_group g WHERE over_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM incident m WHERE m.cause = g.incident AND m.resolved_at IS NULL) ORDER BY incident";
    Ok(sqlx::query_scalar(query).fetch_all(connection).await?)
}

/// Writes that a group is over.
///
/// # Errors
/// Where the store refuses.
pub async fn end(connection: &mut SqliteConnection, incident: &str, at: Moment) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE alarm_group SET over_at = ? WHERE incident = ?");
    query.bind(at.as_millis()).bind(incident).execute(connection).await?;
    Ok(())
}

/// Makes an open incident a member.
///
/// # Errors
/// Where the store refuses.
pub async fn join(connection: &mut SqliteConnection, member: &str, group: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE incident SET cause = ?, explained = ?, decide_at = NULL, decide_until = NULL WHERE key = ?")
        .bind(group)
        .bind(true)
        .bind(member)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many incidents were opened after `after` and are told by themselves, and when the last group was told after then.
///
/// # Errors
/// Where the store does not answer.
pub async fn lately(connection: &mut SqliteConnection, after: Moment) -> Result<(i64, Option<Moment>), StoreError> {
    let alone =
        "SELECT count(*) FROM incident WHERE opened_at > ? AND cause IS NULL AND decide_at IS NULL AND check_name NOT LIKE 'group-%'";
    let alone: i64 = sqlx::query_scalar(alone).bind(after.as_millis()).fetch_one(&mut *connection).await?;
    let group = sqlx::query_scalar("SELECT max(opened_at) FROM alarm_group WHERE opened_at > ?");
    let group: Option<i64> = group.bind(after.as_millis()).fetch_one(connection).await?;
    Ok((alone, json::moment(group)))
}

/// When anybody was heard last, of the newest beats; what we probe ourselves is not heard.
///
/// # Errors
/// Where the store does not answer.
pub async fn heard_at(connection: &mut SqliteConnection) -> Result<Option<Moment>, StoreError> {
    let query =
        "SELECT max(received_at) FROM (SELECT received_at, key_id FROM beat ORDER BY id DESC LIMIT 200) newest WHERE key_id <> 'own'";
    let heard: Option<i64> = sqlx::query_scalar(query).fetch_one(connection).await?;
    Ok(json::moment(heard))
}
