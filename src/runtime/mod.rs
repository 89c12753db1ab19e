//! Starts, replaces, scales and stops a colour's instances.

pub mod process;
mod settings;

pub use settings::{RuntimeKind, RuntimeSettings};
