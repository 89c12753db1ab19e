//! One file a command.

pub mod options;
pub mod role;
