//! Whether our way outward works: asked of the outside address and of the other watchers when silence is about to be told and nobody speaks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::clock_step::moved;
use crate::domain::moment::Moment;

/// Whoever was heard, and whatever was reached, so lately says that we are not cut off.
const LATELY: Duration = Duration::from_secs(5);
/// Silence waits no longer for an answer.
const HOLD: Duration = Duration::from_secs(3);

/// What the looks came to. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Outward(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    ask: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Somebody looks.
    is_watched: bool,
    asked_at: Option<Moment>,
    reached_at: Option<Moment>,
    is_broken: bool,
}

impl Outward {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on somebody looks whenever it is asked.
    pub fn watch(&self) {
        self.state().is_watched = true;
    }

    /// Resolves when it is asked.
    pub async fn asked(&self) {
        self.0.ask.notified().await;
    }

    /// A look has ended: somebody was reached, or nobody.
    pub fn looked(&self, is_reached: bool, now: Moment) {
        let mut state = self.state();
        state.asked_at = None;
        state.is_broken = !is_reached;
        if is_reached {
            state.reached_at = Some(now);
        }
    }

    /// The clock was set: it is so many milliseconds ahead of what it was.
    pub(super) fn step(&self, by_ms: i64) {
        let mut state = self.state();
        state.asked_at = state.asked_at.map(|at| moved(at, by_ms));
        state.reached_at = state.reached_at.map(|at| moved(at, by_ms));
    }

    /// Whether nobody was reached when we looked last.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.state().is_broken
    }

    /// When somebody was reached last.
    pub(super) fn reached_at(&self) -> Option<Moment> {
        self.state().reached_at
    }

    /// Whether nothing says that we are not cut off: nobody was heard or reached lately.
    pub(super) fn is_in_doubt(&self, heard: Option<Moment>, now: Moment) -> bool {
        let state = self.state();
        let lately = |at: Option<Moment>| at.is_some_and(|at| now.since(at) <= LATELY);
        // What is known to be broken is looked at again and again, unasked.
        state.is_watched && !state.is_broken && !lately(heard) && !lately(state.reached_at)
    }

    /// Asks, and says whether the answer is worth waiting for.
    pub(super) fn ask(&self, now: Moment) -> bool {
        let asked_at = *self.state().asked_at.get_or_insert(now);
        self.0.ask.notify_one();
        now.since(asked_at) <= HOLD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn there_is_doubt_where_nobody_was_heard_or_reached_lately_and_somebody_could_look() {
        let outward = Outward::default();
        assert!(!outward.is_in_doubt(None, at(100)), "nobody looks");
        outward.watch();
        assert!(outward.is_in_doubt(None, at(100)) && outward.is_in_doubt(Some(at(94)), at(100)));
        assert!(!outward.is_in_doubt(Some(at(95)), at(100)));
        outward.looked(true, at(100));
        assert!(!outward.is_in_doubt(None, at(105)) && outward.is_in_doubt(None, at(106)));
        outward.step(-50_000);
        assert!(outward.is_in_doubt(None, at(56)), "the clock was set back, and it is as long ago");
    }

    #[test]
    fn an_answer_that_does_not_come_is_not_waited_for() {
        let outward = Outward::default();
        assert!(outward.ask(at(100)) && outward.ask(at(103)));
        assert!(!outward.ask(at(104)));
        outward.looked(true, at(104));
        assert!(outward.ask(at(110)));
    }
}
