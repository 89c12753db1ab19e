//! Starts, replaces, scales and stops a colour's instances.

pub mod command;
pub mod docker;
pub mod driver;
mod error;
mod instance;
pub mod process;
mod release;
mod settings;
pub mod swarm;
mod words;

pub use error::RuntimeError;
pub use instance::Instance;
pub use release::{Each, Pending, Release, Step, Tell};
pub use settings::{RuntimeKind, RuntimeSettings, UpSettings};
