//! A connection to either database, and a transaction on it.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};

use super::answer::in_time;
use super::batch::{self, Ready};
use super::columns::{self, Column};
use super::dialect::{self, Dialect};
use super::error::StoreError;
use super::file::Lent;
use super::pending::{Again, Pending, Queue, Table};
use super::row::{self, Row};
use super::rows::Rows;
use super::value::Value;

/// The table of what channels are to be told.
const NOTICES: &str = "notice";
/// The one table whose rows stay known from one transaction to the next, where the store is a file: every beat reads it.
const CHECKS: &str = "check";
/// Where more rows than this are known, the next transaction knows none.
const MOST_KNOWN: usize = 10_000;

/// A connection to SQLite or PostgreSQL, on which statements run one after the other.
#[derive(Debug)]
pub struct Connection {
    kind: Kind,
    /// Rows are written many at a time.
    is_batching: bool,
    pending: Pending,
    has_news: bool,
}

/// To which it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// To a file.
    Sqlite(Lent),
    /// To a server.
    Postgres(Held),
}

/// With or without a transaction around it.
#[derive(Debug)]
pub(super) enum Held {
    /// Each statement is alone.
    Plain(PoolConnection<Postgres>),
    /// All or nothing.
    Transaction(sqlx::Transaction<'static, Postgres>),
}

impl Held {
    /// The connection itself.
    fn raw(&mut self) -> &mut PgConnection {
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
        Self { kind, is_batching: false, pending: Pending::default(), has_news: false }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.kind {
            Kind::Sqlite(_) => Dialect::Sqlite,
            Kind::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Whether a row of this table waits until the commit, to be written with others. A file is given at once what is never or seldom written
    /// twice: the row need not be copied, and the file says whether it had it.
    pub(super) fn holds_back(&self, table: &Table) -> bool {
        let is_written_again = matches!(table.again, Again::Replaces | Again::Keeps);
        self.is_batching && (is_written_again || self.dialect() == Dialect::Postgres)
    }

    /// Whether something was written that a channel may be waiting for.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.has_news
    }

    /// What is known of a row without reading it.
    pub(super) fn known<T: Any + Send + Sync>(&self, table: &'static str, key: &str) -> Option<&T> {
        if self.is_batching { self.pending.known(table, key) } else { None }
    }

    /// Keeps a row in mind, where many are worked on.
    pub(super) fn remember<T: Any + Debug + Send + Sync>(&mut self, table: &'static str, key: &str, row: T) {
        if self.is_batching {
            self.pending.remember(table, key, row);
        }
    }

    /// Whether a row with this key is to be written to this table.
    pub(super) fn is_pending(&self, table: &'static Table, key: &str) -> bool {
        self.is_batching && self.pending.is_pending(table, key)
    }

    /// Writes a row: now, or with others. Says whether it was there before, as far as that is known.
    pub(super) async fn write(&mut self, table: &'static Table, key: &str, row: Vec<Value<'_>>) -> Result<bool, StoreError> {
        self.has_news |= table.name == NOTICES;
        if self.holds_back(table) {
            return Ok(self.pending.push(table, key, &row));
        }
        if !self.is_batching {
            self.make_way(table.name).await?;
            return Ok(self.insert_one(table, &row).await? > 0);
        }
        let is_new = self.insert_one(table, &row).await? > 0;
        if is_new || !table.is_of_what_is_there() { Ok(is_new) } else { Err(StoreError::Repeated) }
    }

    /// Puts off what this check has only heard, as a file's `put_off::rows` reads it. False where it is to be written.
    pub(super) fn put_off(&mut self, name: &str, line: &impl Serialize) -> Result<bool, StoreError> {
        match &mut self.kind {
            Kind::Sqlite(file) if self.is_batching => file.put_off(name, line),
            Kind::Sqlite(_) | Kind::Postgres(_) => Ok(false),
        }
    }

    /// Writes what a file keeps beside a row that was just written, and a server need not.
    pub(super) fn beside(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<(), StoreError> {
        match &mut self.kind {
            Kind::Sqlite(file) => file.run(statement, values).map(drop),
            Kind::Postgres(_) => Ok(()),
        }
    }

    /// Writes rows of which no two have the same key. Says how many it has written.
    pub(super) async fn write_all(&mut self, table: &'static Table, rows: &Rows) -> Result<u64, StoreError> {
        self.make_way(table.name).await?;
        self.insert_all(table, rows).await
    }

    /// Runs a statement. Says how many rows it has written.
    pub(super) async fn execute(&mut self, statement: Ready<'_>) -> Result<u64, StoreError> {
        self.make_way(&statement.0).await?;
        self.has_news |= statement.0.contains(NOTICES);
        self.execute_now(statement).await
    }

    /// Runs a statement, and reads every row.
    pub(super) async fn fetch(&mut self, (text, values): Ready<'_>) -> Result<Vec<Row>, StoreError> {
        let is_reading = text.starts_with("SELECT");
        // Whoever reads other tables reads the same whether or not those rows are written.
        if !is_reading || self.pending.is_any_of(&text) {
            self.flush().await?;
        }
        if !is_reading {
            self.pending.forget(&text);
        }
        let text = self.dialect().statement(text);
        Ok(match &mut self.kind {
            Kind::Sqlite(file) => {
                file.catch_up(&text).await;
                file.rows(&text, &values)?.into_iter().map(|row| Row(row::Kind::Sqlite(row))).collect()
            }
            Kind::Postgres(held) => {
                let rows = in_time(bound(text, values).fetch_all(held.raw())).await?;
                rows.into_iter().map(|row| Row(row::Kind::Postgres(row))).collect()
            }
        })
    }

    /// Runs `head IN (value, ..)` for as many as there are, and reads every row.
    pub(super) async fn fetch_among(&mut self, head: &str, keys: &[&str]) -> Result<Vec<Row>, StoreError> {
        self.flush().await?;
        let mut read = Vec::with_capacity(keys.len());
        match &mut self.kind {
            Kind::Sqlite(file) => {
                file.catch_up(head).await;
                for (text, values) in batch::lists(head, keys.iter().map(|key| Value::from(*key)).collect()) {
                    read.extend(file.rows(&text, &values)?.into_iter().map(|row| Row(row::Kind::Sqlite(row))));
                }
            }
            Kind::Postgres(held) => {
                let keys: Vec<String> = keys.iter().map(|key| dialect::escape((*key).into()).into_owned()).collect();
                let rows = in_time(query(format!("{head} = ANY($1)")).bind(keys).fetch_all(held.raw())).await?;
                read.extend(rows.into_iter().map(|row| Row(row::Kind::Postgres(row))));
            }
        }
        Ok(read)
    }

    /// Runs several statements of ours.
    pub(super) async fn script(&mut self, text: &str) -> Result<(), StoreError> {
        self.pending.forget_all();
        match &mut self.kind {
            Kind::Sqlite(file) => file.script(text),
            Kind::Postgres(held) => Ok(sqlx::raw_sql(AssertSqlSafe(text)).execute(held.raw()).await.map(|_| ())?),
        }
    }

    async fn execute_now(&mut self, (text, values): Ready<'_>) -> Result<u64, StoreError> {
        let text = self.dialect().statement(text);
        Ok(match &mut self.kind {
            Kind::Sqlite(file) => file.run(&text, &values)? as u64,
            Kind::Postgres(held) => in_time(bound(text, values).execute(held.raw())).await?.rows_affected(),
        })
    }

    /// For a statement that writes to the tables that it names: after everything that is pending, and then they are not known any more.
    async fn make_way(&mut self, statement: &str) -> Result<(), StoreError> {
        self.flush().await?;
        self.pending.forget(statement);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        for Queue { table, rows, .. } in self.pending.take() {
            let wanted = rows.iter().count() as u64;
            let written = self.insert_all(table, &rows).await?;
            if written != wanted && (table.again == Again::Never || table.is_of_what_is_there()) {
                return Err(StoreError::Repeated);
            }
        }
        Ok(())
    }

    /// A file takes the values as they are lent.
    async fn insert_one(&mut self, table: &Table, row: &[Value<'_>]) -> Result<u64, StoreError> {
        if let Kind::Sqlite(file) = &mut self.kind {
            return Ok(file.run(table.one(row.len()), row)? as u64);
        }
        let mut rows = Rows::default();
        rows.push(row);
        self.insert_all(table, &rows).await
    }

    async fn insert_all(&mut self, table: &Table, rows: &Rows) -> Result<u64, StoreError> {
        let Some(width) = rows.iter().next().map(|row| row.len()) else { return Ok(0) };
        Ok(match &mut self.kind {
            Kind::Sqlite(file) => file.run_each(table.one(width), rows.iter())? as u64,
            Kind::Postgres(held) => {
                let (text, columns) = columns::turned(table, rows);
                in_time(columns.into_iter().fold(query(text), Column::bind).execute(held.raw())).await?.rows_affected()
            }
        })
    }
}

fn query<'q>(text: String) -> Query<'q, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(text))
}

fn bound<'q>(text: Cow<'static, str>, values: Vec<Value<'_>>) -> Query<'q, Postgres, PgArguments> {
    values.into_iter().fold(query(text.into_owned()), |query, value| match value {
        Value::Number(number) => query.bind(number),
        Value::Text(text) => query.bind(text.map(|text| dialect::escape(text).into_owned())),
        Value::Bytes(bytes) => query.bind(bytes.map(Cow::into_owned)),
    })
}

/// What is written in it is there when it has been committed, and never was when it is dropped. Nobody else writes meanwhile.
#[derive(Debug)]
pub struct Transaction(Connection);

impl Transaction {
    pub(super) fn new(kind: Kind) -> Self {
        let mut connection = Connection::new(kind);
        if let Kind::Sqlite(file) = &mut connection.kind {
            connection.pending.known = file.known();
        }
        Self(connection)
    }

    /// From now on rows wait until the commit and are written many at a time. An error of one then names none of them: whoever wants to know
    /// repeats them one by one.
    pub fn batch(&mut self) {
        self.0.is_batching = true;
    }

    /// It reads what nobody has read for long, or much: whoever else runs on this thread goes on elsewhere meanwhile.
    pub fn may_take_long(&mut self) {
        if let Kind::Sqlite(file) = &mut self.0.kind {
            file.may_take_long();
        }
    }

    /// Ends it: everything that was written is on disk.
    ///
    /// # Errors
    /// Where it is not, or where nobody knows.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.0.flush().await?;
        match self.0.kind {
            Kind::Sqlite(mut file) => {
                file.commit()?;
                file.leave(self.0.pending.known.only(CHECKS, MOST_KNOWN));
            }
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
