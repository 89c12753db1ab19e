//! Opening a store: a file of SQLite for one process, or a PostgreSQL server for any number of them. One writes at a time; a commit is
//! on disk before it returns, unless less was asked for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, Postgres};
use tokio::time::timeout;

use super::answer::{in_time, is_alive};
use super::clock_steps::{Following, Shown, Steps};
use super::connection::{Connection, Held, Kind, Transaction};
use super::error::StoreError;
use super::file::File;
use super::opened::{Keeps, Outlives};
use super::server_time::{self, ServerTime};
use super::{json, schema};
use crate::clock;
use crate::domain::moment::Moment;

/// So long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many connections at most to a server.
const CONNECTIONS: u32 = 8;
/// What the server does with whoever stands still: one that was stopped within a transaction keeps nobody else from writing.
const SERVER: [(&str, &str); 2] = [("statement_timeout", "10s"), ("idle_in_transaction_session_timeout", "5s")];
/// A connection that was not used for so long is tried before it is used.
const STALE: Duration = Duration::from_secs(1);
/// Whoever writes holds this lock until the commit, as SQLite's writer does: what was read in a transaction is still so when it ends.
const BEGIN: &str = "BEGIN; SELECT pg_advisory_xact_lock(418413118316)";

/// Where things survive.
#[derive(Debug, Clone)]
pub struct Store(Pools);

#[derive(Debug, Clone)]
enum Pools {
    Sqlite(File),
    Postgres { pool: PgPool, time: Arc<ServerTime> },
}

impl Store {
    /// Opens `sqlite:FILE`, relative to `state`, or `postgres://USER@HOST/DATABASE`, and brings its schema up to date.
    ///
    /// # Errors
    /// Where it cannot be opened or written, or is from a newer version.
    pub async fn open(url: &str, state: &Path) -> Result<Self, StoreError> {
        Self::opened(url, state, Keeps::OF_CHECKS).await
    }

    /// The same for a prober's journal, of which little is kept in memory.
    ///
    /// # Errors
    /// As for the other.
    pub async fn open_journal(url: &str, state: &Path) -> Result<Self, StoreError> {
        Self::opened(url, state, Keeps::OF_A_JOURNAL).await
    }

    async fn opened(url: &str, state: &Path, keeps: Keeps) -> Result<Self, StoreError> {
        let store = if Self::is_server(url) { Self::server(url).await? } else { Self::file(url, state, keeps)? };
        schema::migrate(store.begin().await?).await?;
        Ok(store)
    }

    /// Whether this URL names a PostgreSQL server.
    #[must_use]
    pub fn is_server(url: &str) -> bool {
        url.starts_with("postgres://") || url.starts_with("postgresql://")
    }

    fn file(url: &str, state: &Path, keeps: Keeps) -> Result<Self, StoreError> {
        Ok(Self(Pools::Sqlite(File::open(&state.join(url.strip_prefix("sqlite:").unwrap_or(url)), keeps)?)))
    }

    async fn server(url: &str) -> Result<Self, StoreError> {
        let options = url.parse::<PgConnectOptions>()?.application_name("allswell").options(SERVER);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, used| {
                Box::pin(async move { if used.idle_for < STALE { Ok(true) } else { is_alive(connection).await } })
            })
            // One that was given up in the middle of an answer would be waited for in its place, for ever.
            .after_release(|connection, _| Box::pin(is_alive(connection)))
            .connect_with(options.clone())
            .await;
        let pool = match pool {
            Ok(pool) => pool,
            // It has asked for as long as it may, and says no more than that.
            Err(sqlx::Error::PoolTimedOut) => return Err(no_answer(&options).await),
            Err(error) => return Err(refusal(&options, error)),
        };
        let time = Arc::new(ServerTime::default());
        Ok(Self(Pools::Postgres { pool, time }))
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// Where the store is locked from outside, or gone.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        self.begin_outliving(Outlives::PowerCut).await
    }

    /// Begins a transaction whose commit outlives what is asked of it. A server waits for its disk all the same.
    pub(super) async fn begin_outliving(&self, outlives: Outlives) -> Result<Transaction, StoreError> {
        let kind = match &self.0 {
            Pools::Sqlite(file) => Kind::Sqlite(file.begin(outlives).await?),
            Pools::Postgres { pool, time } => {
                let mut connection = pool.acquire().await?;
                if !time.is_followed() {
                    in_time(time.measure(&mut connection)).await?;
                }
                let mut begun = begun(connection).await?;
                if time.is_followed() {
                    let (shown, steps) = look(&mut begun).await?;
                    if !time.admits(shown, steps) {
                        return Err(StoreError::ClockSet);
                    }
                }
                Kind::Postgres(Held::Transaction(begun))
            }
        };
        Ok(Transaction::new(kind))
    }

    /// Begins a transaction that writes, whatever the server's clock shows; none where the time is our own.
    ///
    /// # Errors
    /// Where the store is gone.
    pub async fn begin_following(&self) -> Result<Option<Following>, StoreError> {
        let Pools::Postgres { pool, time } = &self.0 else { return Ok(None) };
        let mut begun = begun(pool.acquire().await?).await?;
        let (shown, steps) = look(&mut begun).await?;
        let transaction = Transaction::new(Kind::Postgres(Held::Transaction(begun)));
        Ok(Some(Following { transaction, shown, steps, followed_ms: time.followed_ms(steps) }))
    }

    /// From now on our time is what the server's clock shows, and the store is known to be moved by these steps: a transaction by another time is
    /// refused. Says by how many milliseconds our time has changed.
    #[must_use]
    pub fn agree(&self, shown: Shown, steps: Steps) -> i64 {
        match &self.0 {
            Pools::Sqlite(_) => 0,
            Pools::Postgres { time, .. } => time.agree(shown, steps),
        }
    }

    /// Whether no transaction was refused since we agreed with the server's clock.
    #[must_use]
    pub fn is_in_step(&self) -> bool {
        match &self.0 {
            Pools::Sqlite(_) => true,
            Pools::Postgres { time, .. } => time.is_in_step(),
        }
    }

    /// For reading.
    ///
    /// # Errors
    /// Where the store is gone.
    pub async fn read(&self) -> Result<Connection, StoreError> {
        Ok(Connection::new(match &self.0 {
            Pools::Sqlite(file) => Kind::Sqlite(file.read().await?),
            Pools::Postgres { pool, .. } => Kind::Postgres(Held::Plain(pool.acquire().await?)),
        }))
    }

    /// Now: the server's time, which all its watchers have in common; for a file, our own.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &self.0 {
            Pools::Sqlite(_) => clock::now(),
            Pools::Postgres { time, .. } => time.of(clock::now()),
        }
    }

    /// Whether other processes may write to it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match self.0 {
            Pools::Sqlite(_) => false,
            Pools::Postgres { .. } => true,
        }
    }
}

/// To its end, whether or not anybody waits for it any more, as a client of the API that has gone does not: what was given up in between would be a
/// connection that waits in the pool, and has the lock until the server takes it away.
async fn begun(connection: PoolConnection<Postgres>) -> Result<sqlx::Transaction<'static, Postgres>, StoreError> {
    let begin = Some(sqlx::SqlStr::from_static(BEGIN));
    let begins = tokio::spawn(in_time(sqlx::Transaction::<'static, Postgres>::begin(connection, begin)));
    Ok(begins.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
}

/// What the clock shows, and by which of its steps the store was moved: nobody moves it while this transaction lasts.
async fn look(connection: &mut PgConnection) -> Result<(Shown, Steps), StoreError> {
    let (shown, steps) = in_time(server_time::look(connection)).await?;
    let steps = steps.map(|text| json::read(&text)).transpose()?;
    Ok((shown, steps.unwrap_or_default()))
}

/// Why nobody answers, as one connection hears it.
async fn no_answer(options: &PgConnectOptions) -> StoreError {
    match timeout(PATIENCE, PgConnection::connect_with(options)).await {
        Ok(Err(error)) => refusal(options, error),
        Ok(Ok(_)) | Err(_) => refusal(options, sqlx::Error::PoolTimedOut),
    }
}

fn refusal(options: &PgConnectOptions, error: sqlx::Error) -> StoreError {
    StoreError::Server { host: format!("{}:{}", options.get_host(), options.get_port()), error: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::statement::sql;

    #[tokio::test]
    async fn a_store_from_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        sql("PRAGMA user_version = 999").run(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        drop(store);
        let error = Store::open("sqlite:x.db", folder.path()).await.unwrap_err();
        assert!(error.to_string().contains("schema 999"), "{error}");
    }

    #[tokio::test]
    async fn of_what_a_journal_writes_little_stays_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let written_before_its_commit = async |store: Result<Store, StoreError>, log: &str| {
            let mut transaction = store.unwrap().begin().await.unwrap();
            sql("INSERT INTO fact VALUES ('a', hex(zeroblob(2000000)))").run(&mut transaction).await.unwrap();
            std::fs::metadata(folder.path().join(log)).unwrap().len()
        };
        let journal = Store::open_journal("sqlite:j.db", folder.path()).await;
        let written = written_before_its_commit(journal, "j.db-wal").await;
        assert!(written > 2_000_000, "the others of 4 MB are in memory: {written}");
        let watcher = Store::open("sqlite:w.db", folder.path()).await;
        let written = written_before_its_commit(watcher, "w.db-wal").await;
        assert!(written < 1_000_000, "a watcher's memory has room for 4 MB: {written}");
    }

    #[tokio::test]
    async fn what_is_known_is_known_to_the_next_transaction_and_forgotten_once_anybody_else_or_another_statement_has_written_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let begin = async || {
            let mut transaction = store.begin().await.unwrap();
            transaction.batch();
            transaction
        };
        let leave = async || {
            let mut transaction = begin().await;
            transaction.remember("check", "job", 7);
            transaction.commit().await.unwrap();
        };
        let known = async || begin().await.known::<i32>("check", "job").copied();
        leave().await;
        assert_eq!(known().await, Some(7));
        assert_eq!(known().await, None, "that transaction was not committed");
        leave().await;
        for (statement, left) in [("DELETE FROM fact", Some(7)), ("UPDATE \"check\" SET every_ms = 1", None)] {
            let mut ours = store.begin().await.unwrap();
            sql(statement).run(&mut ours).await.unwrap();
            ours.commit().await.unwrap();
            assert_eq!(known().await, left, "{statement}");
            leave().await;
        }
        leave().await;
        let other = rusqlite::Connection::open(folder.path().join("x.db")).unwrap();
        other.execute("INSERT INTO fact VALUES ('a', '1')", ()).unwrap();
        assert_eq!(known().await, None, "somebody else has written");
    }
}
