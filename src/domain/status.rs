//! The words for how a check stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Of a check, as the store keeps it. *Late* and *stopped* are not stored: see `State::shown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Never heard.
    New,
    /// Heard in time, and well.
    Up,
    /// Past due, within grace.
    Late,
    /// Bad or slow, fewer times than `fall`.
    Failing,
    /// Answers, too slowly.
    Poorly,
    /// Silent past its grace, or bad `fall` times.
    Down,
    /// Its colour expects no instance, on purpose. Shown and never stored, as *late* is.
    Stopped,
    /// Somebody has paused it: nothing is expected of it. Shown and never stored.
    Paused,
}

impl Status {
    /// The word that people read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Up => "up",
            Self::Late => "late",
            Self::Failing => "failing",
            Self::Poorly => "poorly",
            Self::Down => "down",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
        }
    }

    /// Whether an incident is open while this lasts.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Poorly | Self::Down)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
