//! What every decision within one transaction is made on.

use super::expected::MonitorSettings;
use super::heard::LiveHeard;
use crate::domain::check::Check;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::store::checks::StoredCheck;

/// The settings, what is live, and the moment.
#[derive(Debug, Clone)]
pub(super) struct Scene<'a> {
    pub(super) settings: &'a MonitorSettings,
    pub(super) live: LiveHeard,
    pub(super) now: Moment,
}

impl Scene<'_> {
    /// The live colour; none is *undefined*.
    pub(super) fn colour(&self) -> Option<Colour> {
        self.live.live.colour
    }

    /// What is expected of a stored check at its present pace. None: it is expected no more.
    pub(super) fn check(&self, stored: &StoredCheck) -> Option<Check> {
        self.settings.expected(&stored.name).map(|expected| expected.at_pace(stored.every_ms))
    }
}
