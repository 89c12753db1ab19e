//! What survives: SQLite.

pub mod beats;
pub mod channels;
pub mod checks;
pub mod facts;
pub mod flips;
pub mod incidents;
mod journal;
mod json;
pub mod notices;
pub mod outbox;
mod sqlite;

pub use journal::{Asked, Entry, Intent, Journal, Lease, Step, Taken, What};
pub use sqlite::{Store, StoreError};
