//! Stories about: proxies that are not ours, Debian's own packages, which a switch drives and which somebody else runs.

mod caddy;
mod haproxy;
mod nginx;
mod stage;
