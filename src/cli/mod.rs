//! One file a command.

pub mod heartbeat;
pub mod options;
mod outlets;
pub mod role;
mod words;
