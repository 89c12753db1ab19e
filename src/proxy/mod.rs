//! What stands in front of both colours.

mod caddy;
pub mod control;
pub mod driver;
pub mod embedded;
mod haproxy;
mod nginx;
mod settings;
mod snippet;
mod standing;

pub use caddy::{Caddy, CaddySettings};
pub use driver::ProxyDriver;
pub use haproxy::{Haproxy, HaproxySettings};
pub use nginx::{Nginx, NginxSettings};
pub use settings::{ProxyKind, ProxySettings, ProxyTimeouts};
pub use snippet::snippet;
