//! What is to run as a colour, and how far it has come.

use crate::domain::colour::Colour;

use super::instance::Instance;

/// What is to run as a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The deploy's number in the journal: what a deploy has made is known by it, even after a crash.
    pub deploy: i64,
    /// The colour whose instances are replaced.
    pub colour: Colour,
    /// The version that they get; none: the same as before.
    pub version: Option<String>,
    /// The image that they run; none: the one of the config, else the same as before.
    pub image: Option<String>,
    /// Whether the public may be on this colour now: nobody finds the new instances by its name before they are proven.
    pub serves: bool,
}

/// New instances that run and are not proven yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The new instances.
    pub instances: Vec<Instance>,
    /// Where they are probed before they serve, `host:port` each; empty: at the colour's own addresses.
    pub at: Vec<String>,
}

/// What a runtime has reached, for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An image is being pulled: bytes so far, and in all as far as is known.
    Pulling {
        /// Which one.
        image: String,
        /// Bytes that are here.
        done: u64,
        /// Bytes in all; 0 where that is not known.
        total: u64,
    },
    /// Something is under way: what.
    Working(String),
    /// Something was done: what.
    Done(String),
}

/// Told of each step.
pub type Tell<'a> = &'a (dyn Fn(Step) + Sync);

/// Told of each line that an instance has said: the instance's name, and the line without its end.
pub type Each<'a> = &'a (dyn Fn(&str, &str) + Sync);
