//! What survives: SQLite.

pub mod beats;
pub mod channels;
pub mod checks;
mod entry;
pub mod facts;
pub mod flips;
pub mod incidents;
pub mod instances;
mod journal;
mod json;
pub mod made;
pub mod notices;
pub mod outbox;
mod sqlite;

pub use entry::{Asked, Entry, Intent, Lease, Step, Taken, What};
pub use journal::Journal;
pub use sqlite::{Store, StoreError};
