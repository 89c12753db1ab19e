//! Rows of `fact`: what was heard or done last, by name.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use super::{StoreError, json};

/// Reads a fact.
///
/// # Errors
/// Where the store does not answer, or holds something else under this name.
pub async fn get<T: DeserializeOwned>(connection: &mut SqliteConnection, key: &str) -> Result<Option<T>, StoreError> {
    let value: Option<String> = sqlx::query_scalar("SELECT value FROM fact WHERE key = ?").bind(key).fetch_optional(connection).await?;
    value.as_deref().map(json::read).transpose()
}

/// Writes a fact.
///
/// # Errors
/// Where the store refuses.
pub async fn set(connection: &mut SqliteConnection, key: &str, value: &(impl Serialize + Sync)) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO fact (key, value) VALUES (?, ?)").bind(key).bind(json::write(value)?).execute(connection).await?;
    Ok(())
}
