//! A row that was read.

use std::borrow::Cow;
use std::sync::Arc;

use rusqlite::types::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::error::StoreError;
use super::{dialect, json};
use crate::domain::moment::Moment;

/// One row of either database.
#[derive(Debug)]
pub(super) struct Row(pub(super) Kind);

/// Of which it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A row of SQLite.
    Sqlite(FileRow),
    /// A row of PostgreSQL.
    Postgres(PgRow),
}

/// One row of a file.
#[derive(Debug)]
pub(super) struct FileRow {
    /// The names of its columns, which it shares with the other rows.
    pub(super) names: Arc<[String]>,
    /// As many values.
    pub(super) values: Vec<Value>,
}

impl FileRow {
    /// The bytes in its first column.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        if let Some(Value::Blob(bytes)) = self.values.first() { Some(bytes) } else { None }
    }

    fn value(&self, name: &str) -> Result<&Value, StoreError> {
        let place = self.names.iter().position(|known| known == name);
        place.and_then(|place| self.values.get(place)).ok_or_else(|| StoreError::Unreadable(format!("there is no column {name}")))
    }
}

fn other(name: &str) -> StoreError {
    StoreError::Unreadable(format!("{name} holds something else"))
}

fn missing(name: &str) -> StoreError {
    StoreError::Unreadable(format!("{name} is missing"))
}

/// What a column can be read as.
pub(super) trait Column: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// Where there is no such column, or something else in it.
    fn read(row: &Row, at: &str) -> Result<Self, StoreError>;
}

impl Row {
    /// The column of this name.
    ///
    /// # Errors
    /// Where there is no such column, or something else in it.
    pub(super) fn get<T: Column>(&self, name: &str) -> Result<T, StoreError> {
        T::read(self, name)
    }

    /// A column that holds a text.
    fn text(&self, name: &str) -> Result<Option<Cow<'_, str>>, StoreError> {
        let text: Option<&str> = match &self.0 {
            Kind::Sqlite(row) => match row.value(name)? {
                Value::Null => None,
                Value::Text(text) => Some(text),
                Value::Integer(_) | Value::Real(_) | Value::Blob(_) => return Err(other(name)),
            },
            Kind::Postgres(row) => row.try_get(name)?,
        };
        Ok(text.map(dialect::unescape))
    }
}

impl Column for Option<i64> {
    fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
        Ok(match &row.0 {
            Kind::Sqlite(row) => match row.value(at)? {
                Value::Null => None,
                Value::Integer(number) => Some(*number),
                Value::Real(_) | Value::Text(_) | Value::Blob(_) => return Err(other(at)),
            },
            Kind::Postgres(row) => row.try_get(at)?,
        })
    }
}

impl Column for Option<String> {
    fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
        Ok(row.text(at)?.map(Cow::into_owned))
    }
}

impl Column for Option<Vec<u8>> {
    fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
        Ok(match &row.0 {
            Kind::Sqlite(row) => match row.value(at)? {
                Value::Null => None,
                Value::Blob(bytes) => Some(bytes.clone()),
                Value::Integer(_) | Value::Real(_) | Value::Text(_) => return Err(other(at)),
            },
            Kind::Postgres(row) => row.try_get(at)?,
        })
    }
}

impl Column for Option<Moment> {
    fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
        Ok(row.get::<Option<i64>>(at)?.map(Moment::from_millis))
    }
}

impl Column for Option<u32> {
    fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
        Ok(row.get::<Option<i64>>(at)?.map(|number| u32::try_from(number).unwrap_or(if number < 0 { 0 } else { u32::MAX })))
    }
}

impl Column for Option<u64> {
    fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
        Ok(row.get::<Option<i64>>(at)?.map(|number| u64::try_from(number).unwrap_or(0)))
    }
}

impl Column for Option<bool> {
    fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
        Ok(row.get::<Option<i64>>(at)?.map(|number| number != 0))
    }
}

/// The same where NULL is an error.
macro_rules! needed {
    ($($of:ty),+ $(,)?) => {
        $(impl Column for $of {
            fn read(row: &Row, at: &str) -> Result<Self, StoreError> {
                row.get::<Option<$of>>(at)?.ok_or_else(|| missing(at))
            }
        })+
    };
}

needed!(i64, String, Vec<u8>, Moment, u32, u64, bool);

impl Row {
    /// A column that holds a value of the domain as JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        json::read(&self.text(name)?.ok_or_else(|| missing(name))?)
    }

    /// A column that holds one word of a JSON enum.
    pub(super) fn word<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        json::read_word(&self.get::<String>(name)?)
    }
}
