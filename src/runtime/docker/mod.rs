//! Containers of one Docker engine.

pub mod driver;
pub mod settings;
pub mod sight;
mod slots;
