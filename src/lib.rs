//! Blue-green deployment with a dead-man switch.
//!
//! A module uses only what stands above it in this list, and adapters do not use each other; `tests/tidy.rs` enforces both.

pub mod domain;
