//! What the watcher's overview says, as far as the status shows it.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::check::Status;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;

/// `GET /v1/overview`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Overview {
    /// Every check.
    pub(super) checks: Vec<CheckSeen>,
    /// The open incidents.
    pub(super) incidents: Vec<Incident>,
    /// Who would not hear of what.
    pub(super) unheard: Vec<String>,
}

/// One check.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckSeen {
    /// Its name.
    pub(super) name: String,
    /// How it does.
    pub(super) status: Status,
    /// The last beat of success or fail.
    #[serde(default)]
    pub(super) last_heard: Option<Moment>,
    /// Why it is not well.
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// How long its last answer took.
    #[serde(default)]
    pub(super) latency_ms: Option<u64>,
    /// The version of the app beside it.
    #[serde(default)]
    pub(super) version: Option<String>,
}

impl Overview {
    /// Reads the watcher's answer.
    ///
    /// # Errors
    /// Where it is of another version than ours.
    pub(super) fn read(raw: &Value) -> Result<Self, String> {
        Self::deserialize(raw).map_err(|error| format!("the watcher's overview was not understood, it may be of another version: {error}"))
    }

    /// A check by its name.
    pub(super) fn check(&self, name: &str) -> Option<&CheckSeen> {
        self.checks.iter().find(|check| check.name == name)
    }
}
