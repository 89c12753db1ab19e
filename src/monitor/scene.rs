//! What every decision within one transaction is made on.

use super::expected::MonitorSettings;
use super::heard::LiveHeard;
use crate::domain::check::Check;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::domain::roster::Rule;
use crate::domain::sent::Made;
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
        let configured = self.settings.expected(&stored.name).map(|expected| expected.at_pace(stored.every_ms));
        configured.or_else(|| stored.made.as_ref().map(Made::check))
    }

    /// The same of each instance of a check that counts them.
    pub(super) fn rule(&self, stored: &StoredCheck) -> Option<Rule> {
        let expected = self.settings.expected(&stored.name)?;
        Some(Rule { check: expected.at_pace(stored.every_ms), at_own_pace: expected.is_at_own_pace() })
    }

    /// How many instances a check expects: what the prober said last of its colour, else what was configured. None: it does not count them.
    pub(super) fn wanted(&self, check: &str) -> Option<u32> {
        let configured = self.settings.expected(check)?.instances?;
        match (Role::of(check), self.live.live.expected) {
            (Role::Heartbeat(colour) | Role::Instances(colour), Some(expected)) => Some(expected.of(colour)),
            (_, Some(_) | None) => Some(configured),
        }
    }

    /// Whether nothing is expected of a check now, on purpose.
    pub(super) fn is_stopped(&self, check: &str) -> bool {
        self.live.is_stopped(Role::of(check))
    }
}
