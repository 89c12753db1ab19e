//! Blue-green deployment with a dead-man switch.
//!
//! A module uses only what stands above it in this list, and adapters do not use each other; `tests/tidy.rs` enforces both.

// The domain: pure
pub mod domain;

// Foundations
pub mod clock;
pub mod settings;
pub mod signing;
// files makes tokens, so it stands below signing
pub mod files;
pub mod program;
// net asks a program for names
pub mod net;
pub mod telemetry;

// Adapters
pub mod notify;
pub mod probe;
pub mod proxy;
pub mod runtime;
pub mod store;

// Services: the only places where adapters meet
pub mod heartbeat;
pub mod monitor;
pub mod release;

// Edges
pub mod config;
pub mod http;
pub mod services;

pub mod cli;

// Proof: every parser of outside input, to be tried with anything
#[cfg(any(test, fuzzing))]
pub mod fuzz;
