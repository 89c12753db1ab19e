//! Rows of `told_entry`: what the prober has told of its journal.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::row::Row;
use super::statement::sql;
use crate::domain::entry::{Entry, What};
use crate::domain::moment::Moment;

/// Writes an entry, new or gone on.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut Connection, entry: &Entry) -> Result<(), StoreError> {
    sql("INSERT INTO told_entry (started_at, number, what, phase, entry) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (started_at, number) DO UPDATE SET phase = excluded.phase, entry = excluded.entry")
    .bind(entry.started_at)
    .bind(entry.id)
    .bind(entry.what.as_str())
    .bind(entry.phase.as_str())
    .bind(json::write(entry)?)
    .run(connection)
    .await?;
    Ok(())
}

/// Entries that began before `before`, newest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn before(connection: &mut Connection, before: Moment, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let query = sql("SELECT entry FROM told_entry WHERE started_at < ? ORDER BY started_at DESC, number DESC LIMIT ?");
    query.bind(before).bind(limit).all(connection).await?.iter().map(read).collect()
}

/// The newest entry about this that ended as asked.
///
/// # Errors
/// Where the store does not answer.
pub async fn last_done(connection: &mut Connection, what: What) -> Result<Option<Entry>, StoreError> {
    let query = sql("SELECT entry FROM told_entry WHERE what = ? AND phase = 'done' ORDER BY started_at DESC, number DESC LIMIT 1");
    query.bind(what.as_str()).first(connection).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Entry, StoreError> {
    row.json("entry")
}
