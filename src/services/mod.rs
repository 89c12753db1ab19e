//! Wiring: `build(config)` binds and says where, `run(shutdown)` serves.
