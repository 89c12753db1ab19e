//! The user's own commands: words with placeholders, run with a limit, their output kept.

mod call;
pub mod driver;
mod failure;
mod run;
mod said;
pub mod settings;
