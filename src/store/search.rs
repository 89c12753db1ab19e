//! Checks and incidents as people look for them: by a piece of a name, by status, the gravest first.

use super::checks::{self, StoredCheck};
use super::connection::Connection;
use super::error::StoreError;
use super::incidents::{self, StoredIncident};
use super::statement::sql;
use crate::domain::check::Status;

/// Checks after the name `after`, by name: those of this status, whose name has this piece in it. ASCII capitals are like small letters: of
/// others no database of ours knows.
///
/// # Errors
/// Where the store does not answer.
pub async fn checks(
    connection: &mut Connection,
    piece: &str,
    status: Option<Status>,
    after: &str,
    limit: u32,
) -> Result<Vec<StoredCheck>, StoreError> {
    // The names alone are found in an index; the rows, which are long, are read for those that are shown.
    let mut named = "SELECT name FROM \"check\" WHERE name > ?".to_owned();
    named.push_str(if piece.is_empty() { "" } else { " AND lower(name) LIKE ? ESCAPE '!'" });
    named.push_str(if status.is_some() { " AND status = ?" } else { "" });
    let mut query = sql(format!("SELECT * FROM \"check\" WHERE name IN ({named} ORDER BY name LIMIT ?) ORDER BY name")).bind(after);
    if !piece.is_empty() {
        let literal = piece.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
        query = query.bind(format!("%{literal}%"));
    }
    if let Some(status) = status {
        query = query.bind(status.as_str());
    }
    query.bind(limit).all(connection).await?.iter().map(checks::read).collect()
}

/// Checks that are not well, those that are down first.
///
/// # Errors
/// Where the store does not answer.
pub async fn in_trouble(connection: &mut Connection, limit: u32) -> Result<Vec<StoredCheck>, StoreError> {
    // By the alphabet down is before failing, and that before poorly.
    let query = sql("SELECT * FROM \"check\" WHERE status IN ('down', 'failing', 'poorly') ORDER BY status, name LIMIT ?");
    query.bind(limit).all(connection).await?.iter().map(checks::read).collect()
}

/// The open incidents that no other explains, the gravest first and of those the oldest.
///
/// # Errors
/// Where the store does not answer.
pub async fn open_incidents(connection: &mut Connection, limit: u32) -> Result<Vec<StoredIncident>, StoreError> {
    let query = sql("SELECT * FROM incident WHERE resolved_at IS NULL AND cause IS NULL
         ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, since, key LIMIT ?");
    query.bind(limit).all(connection).await?.iter().map(incidents::read).collect()
}

/// How many open incidents no other explains.
///
/// # Errors
/// Where the store does not answer.
pub async fn count_open(connection: &mut Connection) -> Result<i64, StoreError> {
    sql("SELECT count(*) AS count FROM incident WHERE resolved_at IS NULL AND cause IS NULL").count(connection).await
}
