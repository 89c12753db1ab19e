//! Wiring: `build(config)` binds and says where, `run(shutdown)` serves.

mod beat_key;
mod certificate;
mod doors;
pub mod expected;
mod outside;
mod outward;
pub mod prober;
pub mod proxy;
pub mod reload;
mod site;
mod tasks;
pub mod up;
pub mod watcher;
