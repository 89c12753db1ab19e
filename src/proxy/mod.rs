//! What stands in front of both colours.

mod settings;

pub use settings::{ProxyKind, ProxySettings, ProxyTimeouts};
