//! Beats and observations become flips, incidents and notices, and notices reach channels.
//!
//! Every step is a function of the store and a moment, called in a loop by [`Loops::run`] and by tests with moments of their own.

mod arrivals;
mod blind;
mod cause;
mod courier;
mod dead_channel;
mod decide;
mod engine;
mod expected;
mod fault;
mod heard;
mod ingest;
mod live;
mod mark;
mod memory;
mod outside;
pub mod overview;
mod pulse;
mod recorded_late;
mod replicas;
mod resolution;
mod run;
mod say;
mod scene;
mod settings;
mod skew;
mod stopped;
mod sweep;
mod telling;

#[cfg(test)]
mod tests;

pub use arrivals::{Arrival, Arrivals};
pub use courier::Claimed;
pub use engine::{Monitor, MonitorError};
pub use expected::{ChannelRule, Expectations, Expected, MonitorSettings};
pub use heard::LiveHeard;
pub use ingest::{Ack, Arrived, Ingest, IngestError};
pub use memory::Memory;
pub use outside::Outside;
pub use pulse::Pulse;
pub use run::Loops;
pub use settings::{CheckSettings, WatcherSettings};
pub use sweep::Swept;
