//! The store: one contract, held by SQLite and by a real PostgreSQL.

mod alarms;
mod clock;
mod contract;
mod forgotten;
mod given_up;
mod ground;
mod hostile;
mod journal;
mod pages;
mod upgrade;
mod watchers;
