//! The sender, and the wrapper around a container's command.

mod child;
mod daemon;
mod health;
mod lookout;
mod outlet;
mod outlets;
mod sender;
mod settings;

pub use child::{CannotStart, is_ignored, run_command};
pub use daemon::{Daemon, Farewell, process_ended};
pub use health::{probe, probe_our_own};
pub use outlet::{OutletError, parse_channel};
pub use sender::once;
pub use settings::{HeartbeatError, Outlets, Settings, Subject, Watcher, url};
