//! Whether we could hear anybody: whoever cannot be reached and hears nobody knows nothing of others.

use std::sync::{Arc, Mutex, PoisonError};

use super::outward::Outward;
use crate::domain::clock_step::moved;
use crate::domain::moment::Moment;

/// Since when we are known to be cut off, and who is asked. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Deafness {
    state: Arc<Mutex<State>>,
    outward: Outward,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    lost_at: Option<Moment>,
    deaf: Option<Deaf>,
}

/// How somebody is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// This host is on no network.
    NoNetwork,
    /// Neither the outside address nor another watcher can be reached.
    NobodyReached,
}

/// A time in which silence said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deaf {
    /// How we were cut off.
    pub(super) cut: Cut,
    /// When somebody was heard or reached last; where nobody was, when it was noticed.
    pub(super) since: Moment,
}

impl Cut {
    /// How we are cut off now, if we are.
    pub(super) fn now(is_on_no_network: bool, outward: &Outward) -> Option<Self> {
        if is_on_no_network { Some(Self::NoNetwork) } else { outward.is_broken().then_some(Self::NobodyReached) }
    }

    /// For people: `it ...`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoNetwork => "was on no network",
            Self::NobodyReached => "was cut off: it heard nobody, and reached neither the outside address nor another watcher",
        }
    }
}

impl Deafness {
    /// What is known of our way outward.
    pub(super) fn outward(&self) -> &Outward {
        &self.outward
    }

    /// The clock was set: it is so many milliseconds ahead of what it was.
    pub(super) fn step(&self, by_ms: i64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lost_at = state.lost_at.map(|at| moved(at, by_ms));
        state.deaf = state.deaf.map(|deaf| Deaf { since: moved(deaf.since, by_ms), ..deaf });
        self.outward.step(by_ms);
    }

    /// How silence says nothing at this moment: we are cut off, and nobody was heard since it was noticed. Senders beside us are heard all the
    /// same. `latest` is when somebody was heard or reached last.
    pub(super) fn at(&self, now: Moment, cut: Option<Cut>, heard: Option<Moment>, latest: Option<Moment>) -> Option<Deaf> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(cut) = cut else {
            state.lost_at = None;
            return None;
        };
        let lost_at = *state.lost_at.get_or_insert(now);
        if heard.is_some_and(|heard| heard > lost_at) {
            return None;
        }
        let deaf = *state.deaf.get_or_insert_with(|| {
            tracing::error!("the watcher {}: no silence is told until it is back", cut.words());
            Deaf { cut, since: latest.unwrap_or(lost_at).min(lost_at) }
        });
        Some(deaf)
    }

    /// The time of deafness since this was asked last, if there was one.
    pub(super) fn take(&self) -> Option<Deaf> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).deaf.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_off_silence_says_nothing_until_somebody_is_heard() {
        let at = Moment::from_millis;
        let deafness = Deafness::default();
        let look = |now, cut, heard| deafness.at(at(now), cut, Some(at(heard)), Some(at(heard))).is_some();
        for cut in [Some(Cut::NoNetwork), Some(Cut::NobodyReached)] {
            assert!(!look(1_000, None, 500), "we are not cut off, and nobody speaks");
            assert!(look(2_000, cut, 1_500));
            assert!(look(9_000, cut, 1_500));
            assert!(!look(9_500, cut, 9_400), "somebody beside us");
            assert_eq!(deafness.take(), cut.map(|cut| Deaf { cut, since: at(1_500) }), "it counts from when somebody was heard last");
            assert_eq!(deafness.take(), None);
            assert!(!look(10_000, None, 1_500), "the way is back");
            assert!(look(20_000, cut, 1_500), "and gone again");
            deafness.step(-5_000);
            assert!(!look(15_300, cut, 15_200), "somebody, after the clock was set back");
            assert_eq!(deafness.take().map(|deaf| deaf.since), Some(at(-3_500)));
        }
    }
}
