//! Rows of `instance`: who beats for the checks that count their senders.

use super::checks::Seen;
use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::row::Row;
use super::rows::Rows;
use super::statement::sql;
use super::value::Value;
use crate::domain::instance::Instance;

/// One instance as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInstance {
    /// What was decided last.
    pub instance: Instance,
    /// What its last beat said besides.
    pub seen: Seen,
}

static INSTANCE: Table = Table::new(
    "instance",
    "INSERT INTO instance (check_name, name, status, instance, seen)",
    "ON CONFLICT (check_name, name) DO UPDATE SET status = excluded.status, instance = excluded.instance, seen = excluded.seen",
    Again::Replaces,
);

/// So many are forgotten by one statement.
const MOST: usize = 1_000;

fn read(row: &Row) -> Result<StoredInstance, StoreError> {
    Ok(StoredInstance { instance: row.json("instance")?, seen: row.json("seen")? })
}

/// The instances of a check, by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn of(connection: &mut Connection, check: &str) -> Result<Vec<StoredInstance>, StoreError> {
    let rows = sql("SELECT * FROM instance WHERE check_name = ? ORDER BY name").bind(check).all(connection).await?;
    rows.iter().map(read).collect()
}

/// Writes instances of a check, new or not, in one statement.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut Connection, check: &str, instances: &[StoredInstance]) -> Result<(), StoreError> {
    let mut rows = Rows::default();
    for StoredInstance { instance, seen } in instances {
        let status = instance.state.status.as_str();
        let (state, seen) = (json::write(instance)?, json::write(seen)?);
        rows.push(&[Value::from(check), Value::from(&instance.name), Value::from(status), Value::from(state), Value::from(seen)]);
    }
    connection.write_all(&INSTANCE, &rows).await?;
    Ok(())
}

/// Forgets instances of a check, in one statement.
///
/// # Errors
/// Where the store refuses.
pub async fn forget(connection: &mut Connection, check: &str, names: &[&str]) -> Result<(), StoreError> {
    for names in names.chunks(MOST) {
        let list = vec!["?"; names.len()].join(", ");
        let delete = sql(format!("DELETE FROM instance WHERE check_name = ? AND name IN ({list})")).bind(check);
        delete.bind_all(names.iter().map(|name| Value::from(*name))).run(connection).await?;
    }
    Ok(())
}

/// Forgets every instance of a check.
///
/// # Errors
/// Where the store refuses.
pub async fn forget_all(connection: &mut Connection, check: &str) -> Result<(), StoreError> {
    sql("DELETE FROM instance WHERE check_name = ?").bind(check).run(connection).await?;
    Ok(())
}
