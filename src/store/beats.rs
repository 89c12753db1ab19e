//! Rows of `beat`: what was heard.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::statement::sql;
use crate::domain::beat::Beat;
use crate::domain::moment::Moment;

/// Stores a beat. False where the same one is there already.
///
/// # Errors
/// Where the store refuses the row, or does not answer.
pub async fn insert(connection: &mut Connection, key_id: &str, beat: &Beat, received_at: Moment) -> Result<bool, StoreError> {
    let health = beat.health.as_ref().map(json::write).transpose()?;
    let written = sql("INSERT INTO beat (key_id, instance, run, sequence, check_name, kind, received_at, sent_at, health, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key_id, instance, run, sequence) DO NOTHING")
    .bind(key_id)
    .bind(&beat.identity.instance)
    .bind(beat.identity.run)
    .bind(beat.identity.sequence)
    .bind(&beat.check)
    .bind(beat.kind.as_str())
    .bind(received_at)
    .bind(beat.sent_at)
    .bind(health)
    .bind(beat.body.as_deref().map(str::as_bytes))
    .run(connection)
    .await?;
    Ok(written == 1)
}

/// Forgets beats received before `before`, all but the newest `keep`, a thousand at a time. Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn prune(connection: &mut Connection, before: Moment, keep: u32) -> Result<u64, StoreError> {
    sql("DELETE FROM beat WHERE id IN (SELECT id FROM beat WHERE received_at < ?
         AND id <= (SELECT max(id) FROM beat) - ? ORDER BY id LIMIT 1000)")
    .bind(before)
    .bind(keep)
    .run(connection)
    .await
}

/// How many there are.
///
/// # Errors
/// Where the store does not answer.
pub async fn count(connection: &mut Connection) -> Result<i64, StoreError> {
    sql("SELECT count(*) AS count FROM beat").count(connection).await
}
