//! Processes on this machine: how they are started, found again, watched and stopped.

pub mod command;
pub mod control;
pub mod driver;
pub mod output;
pub mod record;
pub mod running;
mod said;
pub mod settings;
mod tail;
