//! One instance of the app, whatever runs it.

use serde::{Deserialize, Serialize};

use crate::domain::colour::Colour;
use crate::domain::moment::Moment;

/// One instance of a colour, as its runtime sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its colour.
    pub colour: Colour,
    /// What its runtime calls it: `blue-1`, a container's name, a task's.
    pub name: String,
    /// Where it listens, `host:port`, where the runtime knows.
    pub address: Option<String>,
    /// The version that was deployed, where one was given.
    pub version: Option<String>,
    /// The image that it runs, by digest where that is known; none for what is no container.
    pub image: Option<String>,
    /// The host that it runs on, where there are several.
    pub node: Option<String>,
    /// Its process, container or task id, while it has one.
    pub id: Option<String>,
    /// When it was started.
    pub since: Option<Moment>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// Whether it runs now.
    pub running: bool,
    /// What the runtime says of it beyond that: an exit code, its own opinion of its health.
    pub note: Option<String>,
}
