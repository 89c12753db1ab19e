//! Notices that were tried and that nobody has taken.

use super::connection::Connection;
use super::error::StoreError;
use super::notices::{StoredNotice, read};
use super::statement::sql;

/// The oldest of them, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn oldest(connection: &mut Connection, limit: u32) -> Result<Vec<StoredNotice>, StoreError> {
    let query = sql("SELECT * FROM notice WHERE taken_at IS NULL AND withdrawn_at IS NULL AND attempts > 0 ORDER BY id LIMIT ?");
    query.bind(limit).all(connection).await?.iter().map(read).collect()
}
