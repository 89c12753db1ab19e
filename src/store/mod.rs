//! What survives: SQLite.

mod sqlite;

pub use sqlite::{Store, StoreError};
