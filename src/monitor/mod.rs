//! Beats and observations become flips, incidents and notices, and notices reach channels.

mod settings;

pub use settings::{CheckSettings, WatcherSettings};
