//! Beats and observations become flips, incidents and notices, and notices reach channels.
//!
//! Every step is a function of the store and a moment, called in a loop by [`Loops::run`] and by tests with moments of their own.

mod acknowledge;
mod arrivals;
mod arrived;
mod blind;
mod cause;
mod check_settings;
mod clock_step;
mod courier;
mod dead_channel;
mod deaf;
mod decide;
mod engine;
mod expected;
mod fault;
mod follow;
mod group;
mod heard;
mod ingest;
mod key_settings;
mod live;
mod made;
mod mark;
mod memory;
pub mod orders;
mod others;
mod outside;
mod outward;
pub mod overview;
mod own_trouble;
mod pages;
mod ping_settings;
mod plan;
mod prune;
mod pulse;
mod quieting;
mod recorded_late;
mod remote;
mod replicas;
mod resolution;
mod run;
mod say;
mod scene;
mod settings;
mod shown;
mod skew;
mod stopped;
mod strangers;
mod sweep;
mod telling;
mod windows;

#[cfg(test)]
mod tests;

pub use arrivals::{Arrival, Arrivals};
pub use arrived::{Arrived, PING};
pub use check_settings::{CheckSettings, is_slug};
pub use courier::Claimed;
pub use engine::{Monitor, MonitorError};
pub use expected::{ChannelRule, Expectations, Expected, Keep, MonitorSettings};
pub use heard::LiveHeard;
pub use ingest::{Ack, Ingest, IngestError};
pub use key_settings::{KeySettings, May};
pub use memory::Memory;
pub use outside::Outside;
pub use outward::Outward;
pub use pages::{CheckPage, Removed};
pub use ping_settings::PingSettings;
pub use pulse::Pulse;
pub use remote::{WatcherError, WatcherRemote};
pub use run::Loops;
pub use settings::WatcherSettings;
pub use sweep::Swept;
pub use windows::read_window;
