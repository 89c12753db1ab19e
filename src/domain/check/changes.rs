//! What becomes of a check that nobody has heard: we were blind, or something else is expected of it from now on.

use super::{Check, State, Status};
use crate::domain::moment::Moment;

impl Check {
    /// Moves the deadlines that fell while we were blind until `now`, each once: to `until`. Where one that has been moved before is over, nothing is
    /// moved: it is told now.
    #[must_use]
    pub fn forgive(&self, state: &State, now: Moment, until: Moment) -> State {
        let mut next = state.clone();
        if next.forgiven_until.is_none() && state.beat_deadline(self) <= now {
            next.forgiven_until = Some(until);
        }
        if next.runs_forgiven_until.is_none() && state.run_deadline(self).is_some_and(|of_run| of_run <= now) {
            next.runs_forgiven_until = Some(until);
        }
        if state.status != Status::Down && next.deadline(self) > now { next } else { state.clone() }
    }

    /// What is known of a check of which this is expected from `now` on: another schedule counts at once, as if it had been so when the check was
    /// heard last. What would be missed by the new one alone was asked of nobody: it is due once more from now on, as is what has waited for its
    /// first beat. Where the same is expected as before, nothing changes.
    #[must_use]
    pub fn renewed(&self, state: &State, now: Moment) -> State {
        let mut next = state.clone();
        let waited = std::mem::take(&mut next.waits);
        if state.last_heard.is_none() && state.status != Status::New {
            // It is down, and nothing else is due of it than to be heard.
            return next;
        }
        next.due = self.due(&next);
        if waited || (next.due <= now && now < state.due) {
            self.ask_from(&mut next, now);
        } else if next.due <= now {
            // Missed by both: since the later one.
            next.due = next.due.max(state.due);
        }
        if next.due != state.due {
            // A promise goes with the deadline that it was made for.
            next.forgiven_until = state.forgiven_until.filter(|until| *until > next.due + self.grace);
        }
        next
    }
}
