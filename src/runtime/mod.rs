//! Starts, replaces, scales and stops a colour's instances.

mod settings;

pub use settings::{RuntimeKind, RuntimeSettings};
