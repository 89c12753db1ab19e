//! A connection to either database, and a transaction on it.

use std::any::Any;
use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Database, Encode, Postgres, Sqlite, Type};

use super::answer::in_time;
use super::batch::{Ready, inserts};
use super::dialect::{self, Dialect};
use super::error::StoreError;
use super::pending::{Pending, Table};
use super::row::{self, Row};
use super::value::Value;

/// A connection to SQLite or PostgreSQL, on which statements run one after the other.
#[derive(Debug)]
pub struct Connection {
    kind: Kind,
    /// Rows are written many at a time.
    is_batching: bool,
    pending: Pending,
}

/// To which it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// To a file.
    Sqlite(Held<Sqlite>),
    /// To a server.
    Postgres(Held<Postgres>),
}

/// With or without a transaction around it.
#[derive(Debug)]
pub(super) enum Held<D: Database> {
    /// Each statement is alone.
    Plain(PoolConnection<D>),
    /// All or nothing.
    Transaction(sqlx::Transaction<'static, D>),
}

impl<D: Database> Held<D> {
    /// The connection itself.
    fn raw(&mut self) -> &mut D::Connection {
        match self {
            Self::Plain(connection) => &mut *connection,
            Self::Transaction(transaction) => &mut *transaction,
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Transaction(transaction) => transaction.commit().await,
        }
    }
}

impl Connection {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, is_batching: false, pending: Pending::default() }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.kind {
            Kind::Sqlite(_) => Dialect::Sqlite,
            Kind::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Whether rows are written many at a time.
    pub(super) fn is_batching(&self) -> bool {
        self.is_batching
    }

    /// What is known of a row without reading it.
    pub(super) fn known<T: Any + Clone>(&self, table: &'static str, key: &str) -> Option<T> {
        if self.is_batching { self.pending.known(table, key) } else { None }
    }

    /// Keeps a row in mind, where many are worked on.
    pub(super) fn remember<T: Any + Send + Sync>(&mut self, table: &'static str, key: &str, row: T) {
        if self.is_batching {
            self.pending.remember(table, key, row);
        }
    }

    /// Writes a row: now, or with others. Says whether it was there before, as far as that is known.
    pub(super) async fn write(&mut self, table: &'static Table, key: &str, row: Vec<Value>) -> Result<bool, StoreError> {
        if self.is_batching {
            return Ok(self.pending.push(table, key, row));
        }
        let mut written = 0;
        for (_, statement) in inserts(table.insert, vec![row], table.tail) {
            written += self.execute(statement).await?;
        }
        Ok(written > 0)
    }

    /// Writes rows of which no two have the same key.
    pub(super) async fn write_all(&mut self, table: &'static Table, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        for (_, statement) in inserts(table.insert, rows, table.tail) {
            self.execute(statement).await?;
        }
        Ok(())
    }

    /// Runs a statement. Says how many rows it has written.
    pub(super) async fn execute(&mut self, statement: Ready) -> Result<u64, StoreError> {
        self.flush().await?;
        self.pending.forget();
        self.execute_now(statement).await
    }

    /// Runs a statement, and reads every row.
    pub(super) async fn fetch(&mut self, (text, values): Ready) -> Result<Vec<Row>, StoreError> {
        self.flush().await?;
        if !text.starts_with("SELECT") {
            self.pending.forget();
        }
        let text = self.dialect().statement(text);
        Ok(match &mut self.kind {
            Kind::Sqlite(held) => {
                let rows = bound(text, values).fetch_all(held.raw()).await?;
                rows.into_iter().map(|row| Row(row::Kind::Sqlite(row))).collect()
            }
            Kind::Postgres(held) => {
                let rows = in_time(bound(text, values).fetch_all(held.raw())).await?;
                rows.into_iter().map(|row| Row(row::Kind::Postgres(row))).collect()
            }
        })
    }

    /// Runs several statements of ours.
    pub(super) async fn script(&mut self, text: &str) -> Result<(), StoreError> {
        let script = sqlx::raw_sql(AssertSqlSafe(text));
        match &mut self.kind {
            Kind::Sqlite(held) => script.execute(held.raw()).await.map(|_| ())?,
            Kind::Postgres(held) => script.execute(held.raw()).await.map(|_| ())?,
        }
        Ok(())
    }

    async fn execute_now(&mut self, (text, values): Ready) -> Result<u64, StoreError> {
        let text = self.dialect().statement(text);
        Ok(match &mut self.kind {
            Kind::Sqlite(held) => bound(text, values).execute(held.raw()).await?.rows_affected(),
            Kind::Postgres(held) => in_time(bound(text, values).execute(held.raw())).await?.rows_affected(),
        })
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        for write in self.pending.take() {
            let written = self.execute_now(write.statement).await?;
            if write.must_write.is_some_and(|rows| u64::try_from(rows).ok() != Some(written)) {
                return Err(StoreError::Repeated);
            }
        }
        Ok(())
    }
}

fn bound<'q, D>(text: String, values: Vec<Value>) -> Query<'q, D, D::Arguments>
where
    D: Database,
    for<'t> Option<i64>: Encode<'t, D> + Type<D>,
    for<'t> Option<String>: Encode<'t, D> + Type<D>,
    for<'t> Option<Vec<u8>>: Encode<'t, D> + Type<D>,
{
    let query = sqlx::query(AssertSqlSafe(text));
    values.into_iter().fold(query, |query, value| match value {
        Value::Number(number) => query.bind(number),
        Value::Text(text) => query.bind(text.map(dialect::escape)),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// What is written in it is there when it has been committed, and never was when it is dropped. Nobody else writes meanwhile.
#[derive(Debug)]
pub struct Transaction(Connection);

impl Transaction {
    pub(super) fn new(kind: Kind) -> Self {
        Self(Connection::new(kind))
    }

    /// From now on rows are written many at a time. What the database says of a row is heard later then: of which it is, nobody knows.
    pub fn batch(&mut self) {
        self.0.is_batching = true;
    }

    /// Ends it: everything that was written is on disk.
    ///
    /// # Errors
    /// Where it is not, or where nobody knows.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.0.flush().await?;
        match self.0.kind {
            Kind::Sqlite(held) => held.commit().await?,
            Kind::Postgres(held) => in_time(held.commit()).await?,
        }
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
