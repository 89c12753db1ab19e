//! Rows of `flip`: every change of status.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::statement::sql;
use super::value::Value;
use crate::domain::check::{Flip, State};

/// A flip as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFlip {
    /// The change.
    pub flip: Flip,
    /// The state before it.
    pub before: State,
    /// The incident that it opened, continued or resolved.
    pub incident: Option<String>,
}

static FLIP: Table = Table::new("flip", "INSERT INTO flip (check_name, at, flip, before, incident)", "", Again::Never);

/// Writes a flip.
///
/// # Errors
/// Where the store refuses.
pub async fn insert(connection: &mut Connection, check: &str, flip: &StoredFlip) -> Result<(), StoreError> {
    let row = vec![
        Value::from(check),
        Value::from(flip.flip.at),
        Value::from(json::write(&flip.flip)?),
        Value::from(json::write(&flip.before)?),
        Value::from(&flip.incident),
    ];
    connection.write(&FLIP, "", row).await?;
    Ok(())
}

/// The last flip of a check.
///
/// # Errors
/// Where the store does not answer.
pub async fn last_of(connection: &mut Connection, check: &str) -> Result<Option<StoredFlip>, StoreError> {
    let row = sql("SELECT * FROM flip WHERE check_name = ? ORDER BY id DESC LIMIT 1").bind(check).first(connection).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredFlip { flip: row.json("flip")?, before: row.json("before")?, incident: row.get("incident")? }))
}

/// Takes the last flip of a check back.
///
/// # Errors
/// Where the store refuses.
pub async fn remove_last(connection: &mut Connection, check: &str) -> Result<(), StoreError> {
    sql("DELETE FROM flip WHERE id = (SELECT max(id) FROM flip WHERE check_name = ?)").bind(check).run(connection).await?;
    Ok(())
}
