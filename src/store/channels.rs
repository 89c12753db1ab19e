//! Rows of `channel`: what is known of a channel besides its settings.

use super::connection::Connection;
use super::error::StoreError;
use super::statement::sql;
use crate::domain::moment::Moment;

/// A channel as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredChannel {
    /// Since when it has taken nothing, while it is failing.
    pub failed_since: Option<Moment>,
    /// When it took something last.
    pub taken_at: Option<Moment>,
    /// When its own all's well was written last.
    pub said_at: Option<Moment>,
}

/// The channel with this name; one that is not there yet reads as empty.
///
/// # Errors
/// Where the store does not answer.
pub async fn get(connection: &mut Connection, name: &str) -> Result<StoredChannel, StoreError> {
    let row = sql("SELECT * FROM channel WHERE name = ?").bind(name).first(connection).await?;
    let Some(row) = row else { return Ok(StoredChannel::default()) };
    Ok(StoredChannel { failed_since: row.get("failed_since")?, taken_at: row.get("taken_at")?, said_at: row.get("said_at")? })
}

/// Writes a channel, new or not.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut Connection, name: &str, channel: &StoredChannel) -> Result<(), StoreError> {
    sql("INSERT INTO channel (name, failed_since, taken_at, said_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
         SET failed_since = excluded.failed_since, taken_at = excluded.taken_at, said_at = excluded.said_at")
    .bind(name)
    .bind(channel.failed_since)
    .bind(channel.taken_at)
    .bind(channel.said_at)
    .run(connection)
    .await?;
    Ok(())
}
