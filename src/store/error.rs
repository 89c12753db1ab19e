//! Why the store did not do what was asked.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use sqlx::error::ErrorKind;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the store: {0}")]
    Database(sqlx::Error),
    /// The file said no.
    #[error("the store: {0}")]
    File(rusqlite::Error),
    /// There is no server, or none that lets us in.
    #[error("the store: {host} does not let us in: {error}. Is PostgreSQL running there, and are name, password and database right?")]
    Server {
        /// Where it was looked for.
        host: String,
        /// What it said.
        error: Box<sqlx::Error>,
    },
    /// Somebody else has held every connection for too long.
    #[error("the store: nobody else's turn has come for two seconds")]
    Busy,
    /// The clock of the server is not what this process goes by: somebody has set it, and whoever writes now writes a moment of another time.
    #[error("the store: the clock of its server was set, and what waits there is being moved")]
    ClockSet,
    /// What was written would be found by nobody.
    #[error("the store: {} was deleted, moved or replaced since it was opened: put it back, or start anew", .0.display())]
    Lost(PathBuf),
    /// It was written by a newer version of allswell.
    #[error("the store has schema {found}, this version knows {known}: start the newer version again, or restore a backup")]
    Newer {
        /// In the store.
        found: i64,
        /// In this executable.
        known: i64,
    },
    /// A row that cannot be read back.
    #[error("the store holds a row that cannot be read: {0}")]
    Unreadable(String),
    /// Among many rows there was one that is there already, or is there no more: written one by one, it is found.
    #[error("the store has one of these rows already, or no more")]
    Repeated,
}

/// PostgreSQL: classes of errors that lie in the data, and of what is too large for a row.
const POSTGRES_OF_THE_ROW: [&str; 2] = ["22", "54"];
/// PostgreSQL: another transaction was in the way; the same again goes through.
const POSTGRES_AGAIN: [&str; 2] = ["40001", "40P01"];

// What they say is part of our words: as their source it would be said twice.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error)
    }
}

impl StoreError {
    /// Whether the row is at fault, and not the store: another row may go through.
    #[must_use]
    pub fn is_of_this_row(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                POSTGRES_OF_THE_ROW.iter().any(|class| code.starts_with(class)) || error.kind() != ErrorKind::Other
            }
            // A row that breaks a rule, or that no row can be: a text or a number that is too large.
            Self::File(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange)
            ),
            Self::Database(sqlx::Error::Encode(_)) | Self::Unreadable(_) | Self::Repeated => true,
            Self::Database(_) | Self::Server { .. } | Self::Busy | Self::ClockSet | Self::Lost(_) | Self::Newer { .. } => false,
        }
    }

    /// Whether the same transaction may go through when it is tried again at once.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Database(error) => {
                error.as_database_error().and_then(|error| error.code()).is_some_and(|code| POSTGRES_AGAIN.contains(&code.as_ref()))
            }
            Self::File(_)
            | Self::Server { .. }
            | Self::Busy
            | Self::ClockSet
            | Self::Lost(_)
            | Self::Newer { .. }
            | Self::Unreadable(_)
            | Self::Repeated => false,
        }
    }
}
