//! One sender of a check that counts its senders: a replica.

use serde::{Deserialize, Serialize};

use super::beat::{BeatKind, Showing};
use super::check::{Check, Heard, State};
use super::flip::{Flip, Reason};
use super::moment::Moment;
use super::status::Status;

/// What is known of one instance: it has a deadline and a count of bad answers of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name, as its beats give it.
    pub name: String,
    /// What was decided last.
    pub state: State,
    /// How often it says that it beats, in milliseconds.
    pub every_ms: Option<u64>,
    /// Why it is poorly or down, while it is.
    pub trouble: Option<Reason>,
    /// It fell silent, or its process ended: until it beats again.
    pub is_gone: bool,
    /// What was known of it before it fell silent: a beat that had arrived by then, and was stored later, brings it back.
    pub before: Option<Box<Self>>,
}

impl Instance {
    /// One that is heard for the first time, at `at`.
    #[must_use]
    pub fn new(name: &str, check: &Check, at: Moment) -> Self {
        Self { name: name.to_owned(), state: State::new(check, at), every_ms: None, trouble: None, is_gone: false, before: None }
    }

    /// Takes a silence back, if this beat had arrived before its deadline. Says whether.
    pub(super) fn recall(&mut self, heard: Heard<'_>) -> bool {
        let is_in_time = counts(heard.kind) && self.state.status == Status::Down && heard.at < self.state.since;
        match self.before.take_if(|_| is_in_time) {
            Some(before) => {
                *self = *before;
                true
            }
            None => false,
        }
    }

    pub(super) fn hear(&mut self, check: &Check, heard: Heard<'_>, quiet_until: Option<Moment>) -> Option<Flip> {
        let decision = check.hear(&self.state, heard, quiet_until);
        if counts(heard.kind) {
            self.is_gone = heard.health.is_some_and(|health| health.showing == Showing::Exited);
            self.before = None;
        }
        self.state = decision.state;
        self.keep_trouble(decision.flip)
    }

    pub(super) fn look(&mut self, check: &Check, now: Moment, quiet_until: Option<Moment>) -> Option<Flip> {
        if self.state.status == Status::Down {
            // One that had failed and is silent now has not changed its status; it is gone all the same.
            self.is_gone |= now >= self.deadline(check, quiet_until);
            return None;
        }
        let decision = check.look(&self.state, now, quiet_until);
        if decision.flip.as_ref().is_some_and(|flip| flip.reason.is_silence()) {
            self.before = Some(Box::new(self.clone()));
            self.is_gone = true;
        }
        self.state = decision.state;
        self.keep_trouble(decision.flip)
    }

    /// When to look at it again. None: only a beat can change it.
    pub(super) fn look_at(&self, check: &Check, now: Moment, quiet_until: Option<Moment>) -> Option<Moment> {
        match self.state.status {
            Status::Down if self.is_gone => None,
            Status::Down => Some(self.deadline(check, quiet_until)),
            Status::New | Status::Up | Status::Late | Status::Failing | Status::Poorly | Status::Stopped | Status::Paused => {
                check.look_at(&self.state, quiet_until, now)
            }
        }
    }

    /// Whether it has ever said how it is.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.state.status != Status::New
    }

    fn deadline(&self, check: &Check, quiet_until: Option<Moment>) -> Moment {
        self.state.deadline(check).max(quiet_until.unwrap_or_default())
    }

    fn keep_trouble(&mut self, flip: Option<Flip>) -> Option<Flip> {
        if let Some(flip) = &flip {
            self.trouble = flip.to.is_trouble().then(|| flip.reason.clone());
        }
        flip
    }
}

fn counts(kind: BeatKind) -> bool {
    matches!(kind, BeatKind::Success | BeatKind::Fail)
}
