//! Two services of a Docker Swarm.

pub mod driver;
mod follow;
mod image;
mod instances;
mod lines;
mod manager;
mod order;
mod said;
mod service;
pub mod settings;
mod sight;
mod spec;
mod task;
mod undo;
mod write;
