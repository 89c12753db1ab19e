//! Rows of `beat`: what was heard.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::statement::sql;
use super::value::Value;
use crate::domain::beat::Beat;
use crate::domain::moment::Moment;

const BEAT: Table = Table {
    name: "beat",
    insert: "INSERT INTO beat (key_id, instance, run, sequence, check_name, kind, received_at, sent_at, health, body)",
    tail: "ON CONFLICT (key_id, instance, run, sequence) DO NOTHING",
    again: Again::Never,
};

/// Stores a beat. False where the same one is there already.
///
/// # Errors
/// Where the store refuses the row, or does not answer.
pub async fn insert(connection: &mut Connection, key_id: &str, beat: &Beat, received_at: Moment) -> Result<bool, StoreError> {
    let identity = &beat.identity;
    let health = beat.health.as_ref().map(json::write).transpose()?;
    let row = vec![
        Value::from(key_id),
        Value::from(&identity.instance),
        Value::from(identity.run),
        Value::from(identity.sequence),
        Value::from(&beat.check),
        Value::from(beat.kind.as_str()),
        Value::from(received_at),
        Value::from(beat.sent_at),
        Value::from(health),
        Value::from(beat.body.as_deref().map(str::as_bytes)),
    ];
    let key = if connection.is_batching() {
        format!("{key_id} {} {} {}", identity.run, identity.sequence, identity.instance)
    } else {
        String::new()
    };
    connection.write(&BEAT, &key, row).await
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
