//! Puts the sections together; each belongs to the module that uses it.

pub mod demo;
pub mod init;
#[cfg(test)]
mod reference;
mod text;
mod unheard;
mod urls;
mod whole;

pub use text::{ConfigError, Text, load};
pub use unheard::unheard;
pub use whole::{Config, Loaded};
