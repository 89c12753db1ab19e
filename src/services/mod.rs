//! Wiring: `build(config)` binds and says where, `run(shutdown)` serves.

pub mod prober;
pub mod proxy;
pub mod up;
pub mod watcher;
