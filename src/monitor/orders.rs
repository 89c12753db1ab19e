//! What an operator orders of a watcher, as it goes over the wire.

use serde::{Deserialize, Serialize};

use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::moment::Moment;
use crate::domain::quiet::{Quiet, QuietKind};

/// `POST /v1/acknowledge`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AckOrder {
    /// An incident's key or a check's name. None: the one that is open and not acknowledged.
    pub which: Option<String>,
    /// Who: user and host.
    pub by: String,
    /// What they have to say.
    #[serde(default)]
    pub note: Option<String>,
}

/// What was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The incident's key.
    pub incident: String,
    /// Its check.
    pub check: String,
    /// As it stands on the record: the first one stays.
    pub acknowledged: Acknowledgement,
}

/// `POST /v1/quiet`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QuietOrder {
    /// The check.
    pub check: String,
    /// How it is to be quiet.
    pub kind: QuietKind,
    /// For how long.
    pub for_ms: u64,
    /// Who: user and host.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub note: Option<String>,
}

/// `POST /v1/resume`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResumeOrder {
    /// The check.
    pub check: String,
    /// Who: user and host.
    pub by: String,
}

/// What was quiet until now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The check.
    pub check: String,
    /// What was over before its time.
    pub was: Quiet,
}

/// `POST /v1/reload`, and what `status` shows: the config that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigView {
    /// The file.
    pub file: String,
    /// The beginning of its SHA-256.
    pub hash: String,
    /// When it was read.
    pub loaded_at: Moment,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such thing, or more than one.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done like this.
    #[error("{0}")]
    Wrong(String),
    /// The store does not work now.
    #[error(transparent)]
    Store(#[from] super::engine::MonitorError),
}

impl From<crate::store::StoreError> for OrderError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// The moment at which a quiet of so many milliseconds ends.
#[must_use]
pub fn until(now: Moment, for_ms: u64) -> Moment {
    now + std::time::Duration::from_millis(for_ms)
}
