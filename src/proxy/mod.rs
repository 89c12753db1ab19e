//! What stands in front of both colours.

pub mod control;
pub mod embedded;
mod limits;
mod settings;

pub use limits::{ProxyLimits, ProxyTimeouts, Size};
pub use settings::{AccessLogSettings, HoldSettings, MaintenanceHealth, ProxyKind, ProxySettings, TlsFiles};
