//! How far sweeps have come: what is after it was not looked at.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pulse::MARK_EVERY;
use crate::domain::moment::Moment;

/// The mark of the last sweep, as a fact.
pub(super) const MARK: &str = "sweep";
/// What was sent while we stood still has so long to arrive before silence counts.
pub(super) const LISTENING: Duration = Duration::from_secs(1);

/// Sweeps follow each other faster than this, while they run.
const SMALL: Duration = MARK_EVERY.saturating_mul(3);

/// How far a sweep came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// When it ran.
    pub(super) at: Moment,
    /// Every deadline up to here was looked at.
    pub(super) until: Moment,
    /// No later deadline is looked at before then: we had stood still, and listen first.
    #[serde(default)]
    pub(super) listens_until: Moment,
}

impl Mark {
    /// The same to whoever begins at `now`: what is yet to come was looked at by another clock, which was set back while nobody ran.
    pub(super) fn no_later_than(self, now: Moment) -> Self {
        Self { at: self.at.min(now), until: self.until.min(now), listens_until: self.listens_until.min(now) }
    }

    /// Whether there was a time since without sweeps.
    pub(super) fn is_long_ago(&self, now: Moment) -> bool {
        now.since(self.at) > SMALL
    }
}
