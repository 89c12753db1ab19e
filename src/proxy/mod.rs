//! What stands in front of both colours.

mod caddy;
pub mod control;
pub mod driver;
pub mod embedded;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod haproxy;
mod limits;
mod nginx;
mod settings;
mod snippet;
mod standing;

pub use caddy::{Caddy, CaddySettings};
pub use driver::ProxyDriver;
pub use haproxy::{Haproxy, HaproxySettings};
pub use limits::{ProxyLimits, ProxyTimeouts, Size};
pub use nginx::{Nginx, NginxSettings};
pub use settings::{AccessLogSettings, HoldSettings, MaintenanceHealth, ProxyKind, ProxySettings};
pub use snippet::snippet;
