//! What stands in front of both colours.

pub mod control;
pub mod embedded;
mod settings;

pub use settings::{ProxyKind, ProxySettings, ProxyTimeouts};
