//! What survives: SQLite, or PostgreSQL, by the same statements.

pub mod acknowledgements;
mod batch;
pub mod beats;
pub mod channels;
pub mod checks;
pub mod clock_steps;
mod connection;
mod database;
mod dialect;
mod entry;
mod error;
pub mod facts;
pub mod flips;
pub mod follow_ups;
pub mod groups;
pub mod incidents;
pub mod instances;
mod journal;
mod json;
pub mod made;
pub mod notices;
pub mod outbox;
pub mod pages;
pub mod prune;
pub mod quiets;
mod row;
mod schema;
mod server_time;
mod statement;
pub mod untaken;
mod value;

pub use connection::{Connection, Transaction};
pub use database::Store;
pub use entry::{Asked, Entry, Intent, Lease, Step, Taken, What};
pub use error::StoreError;
pub use journal::Journal;
