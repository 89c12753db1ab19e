//! Containers of one Docker engine.

mod amount;
mod base;
mod carried;
pub mod credentials;
pub mod driver;
pub mod engine;
mod environment;
mod found;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod image;
mod lines;
mod making;
mod naming;
pub mod settings;
mod settling;
pub mod sight;
mod slots;
mod spec;
mod watch;
