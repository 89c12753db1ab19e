//! Rows of `instance`: who beats for the checks that count their senders.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::checks::Seen;
use super::{StoreError, json};
use crate::domain::instance::Instance;

/// One instance as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInstance {
    /// What was decided last.
    pub instance: Instance,
    /// What its last beat said besides.
    pub seen: Seen,
}

/// So many rows go into one statement: SQLite takes 32,766 values.
const ROWS: usize = 4_000;

fn read(row: &SqliteRow) -> Result<StoredInstance, StoreError> {
    Ok(StoredInstance { instance: json::read(row.try_get("instance")?)?, seen: json::read(row.try_get("seen")?)? })
}

/// The instances of a check, by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn of(connection: &mut SqliteConnection, check: &str) -> Result<Vec<StoredInstance>, StoreError> {
    let rows = sqlx::query("SELECT * FROM instance WHERE check_name = ? ORDER BY name").bind(check).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// Writes instances of a check, new or not, in one statement.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut SqliteConnection, check: &str, instances: &[StoredInstance]) -> Result<(), StoreError> {
    for rows in instances.chunks(ROWS) {
        let mut values = Vec::with_capacity(rows.len());
        for StoredInstance { instance, seen } in rows {
            values.push((instance, json::write(instance)?, json::write(seen)?));
        }
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT OR REPLACE INTO instance (check_name, name, status, instance, seen) ");
        insert.push_values(values, |mut row, (instance, state, seen)| {
            row.push_bind(check).push_bind(&instance.name).push_bind(instance.state.status.as_str()).push_bind(state).push_bind(seen);
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Forgets instances of a check, in one statement.
///
/// # Errors
/// Where the store refuses.
pub async fn forget(connection: &mut SqliteConnection, check: &str, names: &[&str]) -> Result<(), StoreError> {
    for names in names.chunks(ROWS) {
        let mut delete: QueryBuilder<Sqlite> = QueryBuilder::new("DELETE FROM instance WHERE check_name = ");
        delete.push_bind(check).push(" AND name IN (");
        let mut list = delete.separated(", ");
        for name in names {
            list.push_bind(*name);
        }
        delete.push(")").build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Forgets every instance of a check.
///
/// # Errors
/// Where the store refuses.
pub async fn forget_all(connection: &mut SqliteConnection, check: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM instance WHERE check_name = ?").bind(check).execute(connection).await?;
    Ok(())
}
