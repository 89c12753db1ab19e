//! Opening a store: one writer, several readers, WAL, every commit on disk before it returns.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, Sqlite, Transaction};

/// The schema, step by step. A step that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/monitor.sql"),
    include_str!("schema/release.sql"),
    include_str!("schema/handed_over.sql"),
    include_str!("schema/instances.sql"),
    include_str!("schema/output.sql"),
    include_str!("schema/pings.sql"),
];

/// How long a statement waits for a lock that somebody outside holds.
const BUSY: Duration = Duration::from_secs(1);

/// Where things survive.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the store: {0}")]
    Database(#[from] sqlx::Error),
    /// It was written by a newer version of allswell.
    #[error("the store has schema {found}, this version knows {known}: start the newer version again, or restore a backup")]
    Newer {
        /// In the file.
        found: i64,
        /// In this executable.
        known: i64,
    },
    /// A row that cannot be read back.
    #[error("the store holds a row that cannot be read: {0}")]
    Unreadable(String),
}

impl StoreError {
    /// Whether the row is at fault, and not the store: another row may go through.
    #[must_use]
    pub fn is_of_this_row(&self) -> bool {
        match self {
            Self::Database(error) => error.as_database_error().is_some_and(|error| error.kind() != sqlx::error::ErrorKind::Other),
            Self::Newer { .. } => false,
            Self::Unreadable(_) => true,
        }
    }
}

impl Store {
    /// Opens `sqlite:FILE`, relative to `state`, and brings its schema up to date.
    ///
    /// # Errors
    /// Where the file cannot be opened or written, or is from a newer version.
    pub async fn open(url: &str, state: &Path) -> Result<Self, StoreError> {
        let file = state.join(url.strip_prefix("sqlite:").unwrap_or(url));
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let writer = SqlitePoolOptions::new().max_connections(1).acquire_timeout(BUSY * 2).connect_with(options.clone()).await?;
        let reader = SqlitePoolOptions::new().max_connections(4).acquire_timeout(BUSY * 2).connect_with(options.read_only(true)).await?;
        let store = Self { writer, reader };
        store.migrate().await?;
        Ok(store)
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// Where the store is locked from outside, or gone.
    pub async fn begin(&self) -> Result<Transaction<'_, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// For reading.
    #[must_use]
    pub fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        let mut transaction = self.begin().await?;
        let found: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *transaction).await?.get(0);
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        }
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA user_version = {known}"))).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_from_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        sqlx::raw_sql("PRAGMA user_version = 999").execute(&store.writer).await.unwrap();
        drop(store);
        let error = Store::open("sqlite:x.db", folder.path()).await.unwrap_err();
        assert!(error.to_string().contains("schema 999"), "{error}");
    }
}
