//! Rows of `channel`: what is known of a channel besides its settings.

use sqlx::{Row, SqliteConnection};

use super::{StoreError, json};
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
pub async fn get(connection: &mut SqliteConnection, name: &str) -> Result<StoredChannel, StoreError> {
    let row = sqlx::query("SELECT * FROM channel WHERE name = ?").bind(name).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(StoredChannel::default()) };
    Ok(StoredChannel {
        failed_since: json::moment(row.try_get("failed_since")?),
        taken_at: json::moment(row.try_get("taken_at")?),
        said_at: json::moment(row.try_get("said_at")?),
    })
}

/// Writes a channel, new or not.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut SqliteConnection, name: &str, channel: &StoredChannel) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO channel (name, failed_since, taken_at, said_at) VALUES (?, ?, ?, ?)")
        .bind(name)
        .bind(json::millis(channel.failed_since))
        .bind(json::millis(channel.taken_at))
        .bind(json::millis(channel.said_at))
        .execute(connection)
        .await?;
    Ok(())
}
