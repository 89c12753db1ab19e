//! Two services of a Docker Swarm.

pub mod driver;
pub mod settings;
