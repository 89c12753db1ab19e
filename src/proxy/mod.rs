//! What stands in front of both colours.

pub mod control;
mod settings;

pub use settings::{ProxyKind, ProxySettings, ProxyTimeouts};
