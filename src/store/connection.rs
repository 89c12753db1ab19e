//! A connection to either database, and a transaction on it.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Postgres, Sqlite};

use super::dialect::Dialect;
use super::error::StoreError;

/// A connection to SQLite or PostgreSQL, on which statements run one after the other.
#[derive(Debug)]
pub struct Connection(pub(super) Kind);

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
    pub(super) fn raw(&mut self) -> &mut D::Connection {
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
    pub(super) fn dialect(&self) -> Dialect {
        match self.0 {
            Kind::Sqlite(_) => Dialect::Sqlite,
            Kind::Postgres(_) => Dialect::Postgres,
        }
    }
}

/// What is written in it is there when it has been committed, and never was when it is dropped. Nobody else writes meanwhile.
#[derive(Debug)]
pub struct Transaction(pub(super) Connection);

impl Transaction {
    /// Ends it: everything that was written is on disk.
    ///
    /// # Errors
    /// Where it is not, or where nobody knows.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0.0 {
            Kind::Sqlite(held) => held.commit().await?,
            Kind::Postgres(held) => held.commit().await?,
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
