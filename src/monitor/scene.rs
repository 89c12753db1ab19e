//! What every decision within one transaction is made on.

use std::sync::{Arc, Mutex, PoisonError};

use super::expected::MonitorSettings;
use super::heard::LiveHeard;
use crate::domain::check::Check;
use crate::domain::colour::Colour;
use crate::domain::grouping::{CROWD, is_urgent};
use crate::domain::moment::Moment;
use crate::domain::quiet::{Hush, Quiet, QuietKind, hushed};
use crate::domain::role::Role;
use crate::domain::roster::Rule;
use crate::domain::sent::Made;
use crate::store::checks::StoredCheck;
use crate::store::incidents::StoredIncident;

/// The settings, what is live, and the moment.
#[derive(Debug, Clone)]
pub(super) struct Scene<'a> {
    pub(super) settings: &'a MonitorSettings,
    pub(super) live: LiveHeard,
    pub(super) now: Moment,
    /// What is quiet by hand.
    pub(super) quiet: Vec<Quiet>,
    /// What is ready to be told at the end of this transaction. None: everything is told as it comes.
    pub(super) gathered: Option<Gathered>,
    /// So many are expected to flip in this transaction that none has a line of its own in what this process says.
    pub(super) is_crowd: bool,
}

/// Incidents that are ready to be told.
pub(super) type Gathered = Arc<Mutex<Vec<StoredIncident>>>;

impl Scene<'_> {
    /// Gathers what is ready to be told.
    pub(super) fn gathering(self) -> Self {
        Self { gathered: Some(Gathered::default()), ..self }
    }

    /// Knows how many are expected to flip.
    pub(super) fn expecting(self, flips: usize) -> Self {
        Self { is_crowd: flips >= CROWD, ..self }
    }

    /// Gathers what is told together with others at the end. Gives back what waits for nobody, as what is critical.
    pub(super) fn gather(&self, stored: StoredIncident) -> Option<StoredIncident> {
        let is_alone = is_urgent(&stored.incident) || self.hushed(&stored.incident.check).is_some();
        let Some(gathered) = self.gathered.as_ref().filter(|_| !is_alone) else { return Some(stored) };
        gathered.lock().unwrap_or_else(PoisonError::into_inner).push(stored);
        None
    }

    /// Whether an incident of this check is gathered that is not over.
    pub(super) fn has_gathered(&self, check: &str) -> bool {
        self.gathered.as_ref().is_some_and(|gathered| {
            let gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            gathered.iter().any(|stored| stored.incident.check == check && stored.incident.resolved_at.is_none())
        })
    }

    /// What was gathered, once.
    pub(super) fn gathered(&self) -> Vec<StoredIncident> {
        let gathered = self.gathered.as_ref().map(|gathered| std::mem::take(&mut *gathered.lock().unwrap_or_else(PoisonError::into_inner)));
        gathered.unwrap_or_default()
    }

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
        self.live.is_stopped(Role::of(check)) || self.is_paused(check)
    }

    /// Whether somebody has paused it.
    pub(super) fn is_paused(&self, check: &str) -> bool {
        self.quiet.iter().any(|quiet| quiet.check == check && quiet.kind == QuietKind::Pause && self.now < quiet.until)
    }

    /// Whether nothing is to be told of it now.
    pub(super) fn hushed(&self, check: &str) -> Option<Hush> {
        hushed(check, &self.quiet, &self.settings.maintenance, self.now)
    }

    /// Everything that is quiet now, in words.
    pub(super) fn quiet_words(&self) -> Vec<String> {
        let by_hand = self.quiet.iter().filter(|quiet| self.now < quiet.until).map(ToString::to_string);
        let windows = self.settings.maintenance.iter().filter_map(|window| {
            let until = window.open_until(self.now)?;
            let checks = if window.checks.is_empty() { "everything".to_owned() } else { window.checks.join(", ") };
            Some(format!("{checks} under maintenance \"{}\" until {until}", window.name))
        });
        by_hand.chain(windows).collect()
    }
}
