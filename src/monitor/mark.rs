//! How far sweeps have come: what is after it was not looked at.

use serde::{Deserialize, Serialize};

use crate::domain::moment::Moment;

/// The mark of the last sweep, as a fact.
pub(super) const MARK: &str = "sweep";

/// How far a sweep came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// When it ran.
    pub(super) at: Moment,
    /// Every deadline up to here was looked at.
    pub(super) until: Moment,
}
