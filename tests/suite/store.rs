//! The store: one contract, held by SQLite and by a real PostgreSQL.

mod alarms;
mod clock;
mod contract;
mod forgotten;
mod ground;
mod hostile;
mod journal;
mod pages;
mod watchers;
