//! Puts the sections together; each belongs to the module that uses it.

pub mod demo;
pub mod init;
#[cfg(test)]
mod reference;
mod unheard;
mod urls;
mod whole;

pub use unheard::unheard;
pub use whole::{Config, ConfigError, Loaded};
