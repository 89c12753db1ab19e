//! Rows of `fact`: what was heard or done last, by name.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::statement::sql;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a fact.
///
/// # Errors
/// Where the store does not answer, or holds something else under this name.
pub async fn get<T: DeserializeOwned>(connection: &mut Connection, key: &str) -> Result<Option<T>, StoreError> {
    let row = sql("SELECT value FROM fact WHERE key = ?").bind(key).first(connection).await?;
    row.map(|row| row.json("value")).transpose()
}

/// Writes a fact.
///
/// # Errors
/// Where the store refuses.
pub async fn set(connection: &mut Connection, key: &str, value: &(impl Serialize + Sync)) -> Result<(), StoreError> {
    sql("INSERT INTO fact (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(key)
        .bind(json::write(value)?)
        .run(connection)
        .await?;
    Ok(())
}
