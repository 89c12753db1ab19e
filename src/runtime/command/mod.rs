//! The user's own commands.

pub mod driver;
pub mod settings;
