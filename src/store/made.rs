//! Checks that no config names: made by their first beat, or through the API.

use uuid::Uuid;

use super::checks::{self, Seen, StoredCheck};
use super::connection::Connection;
use super::error::StoreError;
use super::statement::sql;
use crate::domain::check::State;
use crate::domain::moment::Moment;
use crate::domain::sent::Made;

/// A check that is made at `now`. It is not due before it was heard.
#[must_use]
pub fn new(name: &str, made: &Made, now: Moment) -> StoredCheck {
    let state = State { waits: true, ..State::new(&made.check(), now) };
    StoredCheck {
        name: name.to_owned(),
        state,
        look_at: None,
        every_ms: None,
        seen: Seen::default(),
        wanted: None,
        made: Some(made.clone()),
    }
}

/// How many there are.
///
/// # Errors
/// Where the store does not answer.
pub async fn count(connection: &mut Connection) -> Result<i64, StoreError> {
    sql("SELECT count(*) AS count FROM \"check\" WHERE uuid IS NOT NULL").count(connection).await
}

/// The first `limit` by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn first(connection: &mut Connection, limit: u32) -> Result<Vec<StoredCheck>, StoreError> {
    let rows = sql("SELECT * FROM \"check\" WHERE uuid IS NOT NULL ORDER BY name LIMIT ?").bind(limit).all(connection).await?;
    rows.iter().map(checks::read).collect()
}

/// Whether there is one of this name.
///
/// # Errors
/// Where the store does not answer.
pub async fn exists(connection: &mut Connection, name: &str) -> Result<bool, StoreError> {
    let row = sql("SELECT name FROM \"check\" WHERE name = ? AND uuid IS NOT NULL").bind(name).first(connection).await?;
    Ok(row.is_some())
}

/// The name of the one with this ping address.
///
/// # Errors
/// Where the store does not answer.
pub async fn name_of(connection: &mut Connection, uuid: Uuid) -> Result<Option<String>, StoreError> {
    let row = sql("SELECT name FROM \"check\" WHERE uuid = ?").bind(uuid.to_string()).first(connection).await?;
    row.map(|row| row.get("name")).transpose()
}
