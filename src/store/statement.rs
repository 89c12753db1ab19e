//! One statement: its text in the words of [`super::dialect`], and its values in order.

use std::borrow::Cow;

use super::connection::Connection;
use super::error::StoreError;
use super::row::Row;
use super::value::Value;

/// A statement that has not run yet.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    text: Cow<'static, str>,
    values: Vec<Value<'a>>,
}

/// A statement of this text, which is ours: whatever comes from outside is a value.
pub(super) fn sql<'a>(text: impl Into<Cow<'static, str>>) -> Statement<'a> {
    Statement { text: text.into(), values: Vec::new() }
}

impl<'a> Statement<'a> {
    /// The value of the next placeholder.
    #[must_use]
    pub(super) fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The values of the next placeholders.
    #[must_use]
    pub(super) fn bind_all(mut self, values: impl IntoIterator<Item = Value<'a>>) -> Self {
        self.values.extend(values);
        self
    }

    /// Runs it. Says how many rows it has written.
    pub(super) async fn run(self, connection: &mut Connection) -> Result<u64, StoreError> {
        connection.execute((self.text, self.values)).await
    }

    /// Runs it, and reads every row.
    pub(super) async fn all(self, connection: &mut Connection) -> Result<Vec<Row>, StoreError> {
        connection.fetch((self.text, self.values)).await
    }

    /// Runs it, and reads the first row, if there is one.
    pub(super) async fn first(self, connection: &mut Connection) -> Result<Option<Row>, StoreError> {
        Ok(self.all(connection).await?.into_iter().next())
    }

    /// Runs it, and reads the row that there must be.
    pub(super) async fn one(self, connection: &mut Connection) -> Result<Row, StoreError> {
        self.first(connection).await?.ok_or(StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// How many `... AS count` says.
    pub(super) async fn count(self, connection: &mut Connection) -> Result<i64, StoreError> {
        self.one(connection).await?.get("count")
    }
}
