//! Rows of `beat`: what was heard.

use std::time::Duration;

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::statement::sql;
use crate::domain::beat::Beat;
use crate::domain::moment::Moment;
use crate::domain::sent::{Ignored, Sent};

/// Stores a beat, with how it came and what its run took. False where the same one is there already.
///
/// # Errors
/// Where the store refuses the row, or does not answer.
pub async fn insert(
    connection: &mut Connection,
    key_id: &str,
    beat: &Beat,
    received_at: Moment,
    sent: &Sent,
    took: Option<Duration>,
) -> Result<bool, StoreError> {
    let health = beat.health.as_ref().map(json::write).transpose()?;
    let written = sql("INSERT INTO beat (key_id, instance, run, sequence, check_name, kind, received_at, sent_at, health, body,
           address, method, agent, work, exit_status, took_ms, ignored)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key_id, instance, run, sequence) DO NOTHING")
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
    .bind(sent.address.as_deref())
    .bind(sent.method.as_deref())
    .bind(sent.agent.as_deref())
    .bind(sent.work.map(|work| work.to_string()))
    .bind(sent.exit_status.map(i64::from))
    .bind(took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)))
    .bind(sent.ignored.map(Ignored::as_str))
    .run(connection)
    .await?;
    Ok(written == 1)
}

/// How many there are.
///
/// # Errors
/// Where the store does not answer.
pub async fn count(connection: &mut Connection) -> Result<i64, StoreError> {
    sql("SELECT count(*) AS count FROM beat").count(connection).await
}
