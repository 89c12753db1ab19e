//! What survives: SQLite.

mod journal;
mod sqlite;

pub use journal::{Asked, Entry, Intent, Journal, Lease, Step, Taken, What};
pub use sqlite::{Store, StoreError};
