//! Whether the store, the sweep and the courier get on with their work. Kept in memory: it must be known when the store is gone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::clock_step::moved;
use crate::domain::moment::Moment;

/// A sweep marks its progress at least this often while it works.
pub(super) const MARK_EVERY: Duration = Duration::from_secs(1);

/// How far work has come.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Beats>>);

#[derive(Debug, Default)]
struct Beats {
    started: Option<Moment>,
    swept: Option<Moment>,
    committed: Option<Moment>,
    couriers: Vec<(String, Moment)>,
    broken: Option<(Moment, String)>,
    deaf: Option<&'static str>,
    /// By so many milliseconds the clock has been set since we run.
    stepped_ms: i64,
}

impl Pulse {
    fn with<T>(&self, act: impl FnOnce(&mut Beats) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Work begins.
    pub(super) fn start(&self, now: Moment) {
        self.with(|beats| {
            beats.started = Some(now);
            // What was dated by another clock says nothing.
            beats.swept = None;
            beats.committed = None;
        });
    }

    /// The clock was set: it is so many milliseconds ahead of what it was. Everything is as long ago as before.
    pub(super) fn step(&self, by_ms: i64) {
        self.with(|beats| {
            beats.stepped_ms = beats.stepped_ms.saturating_add(by_ms);
            let dated = [&mut beats.started, &mut beats.swept, &mut beats.committed].into_iter().flatten();
            let couriers = beats.couriers.iter_mut().map(|(_, at)| at);
            for at in dated.chain(couriers).chain(beats.broken.iter_mut().map(|(since, _)| since)) {
                *at = moved(*at, by_ms);
            }
        });
    }

    /// By how many milliseconds the clock has been set since we run.
    pub(super) fn stepped_ms(&self) -> i64 {
        self.with(|beats| beats.stepped_ms)
    }

    /// A sweep went through, and its mark is in the store.
    pub(super) fn swept(&self, now: Moment) {
        self.with(|beats| beats.swept = Some(now));
    }

    /// A commit went through: the store works.
    pub(super) fn committed(&self, now: Moment) {
        self.with(|beats| {
            beats.committed = Some(now);
            beats.broken = None;
        });
    }

    /// The store refused.
    pub(super) fn refused(&self, now: Moment, why: String) {
        self.with(|beats| match &mut beats.broken {
            Some((_, last)) => *last = why,
            None => beats.broken = Some((now, why)),
        });
    }

    /// How we are cut off, if we are: then no sweep goes through.
    pub(super) fn hears(&self, cut: Option<&'static str>) {
        self.with(|beats| beats.deaf = cut);
    }

    /// Whether we are cut off: then no sweep goes through, and nothing is stuck.
    pub(super) fn is_deaf(&self) -> bool {
        self.with(|beats| beats.deaf.is_some())
    }

    /// A channel's courier has looked at its outbox.
    pub(super) fn couriered(&self, channel: &str, now: Moment) {
        self.with(|beats| match beats.couriers.iter_mut().find(|(name, _)| name == channel) {
            Some((_, at)) => *at = now,
            None => beats.couriers.push((channel.to_owned(), now)),
        });
    }

    /// Since when the store refuses, and why.
    #[must_use]
    pub fn broken(&self) -> Option<(Moment, String)> {
        self.with(|beats| beats.broken.clone())
    }

    /// What does not work: the store refused last, or no sweep went through for three intervals.
    #[must_use]
    pub fn trouble(&self, now: Moment) -> Option<String> {
        self.with(|beats| {
            if let Some((since, why)) = &beats.broken {
                return Some(format!("the store has not worked since {since}: {why}"));
            }
            let last = beats.swept.or(beats.started)?;
            (now.since(last) > MARK_EVERY * 3).then(|| match beats.deaf {
                Some(how) => format!("no silence is told since {last}: it {how}"),
                None => format!("no sweep has gone through since {last}"),
            })
        })
    }

    /// Whether sweep, commit and at least one courier, where there are any, have advanced since `earlier`.
    #[must_use]
    pub fn advanced_since(&self, earlier: Moment) -> bool {
        self.with(|beats| {
            let after = |at: Option<Moment>| at.is_some_and(|at| at > earlier);
            after(beats.swept)
                && after(beats.committed)
                && (beats.couriers.is_empty() || beats.couriers.iter().any(|(_, at)| *at > earlier))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_sweep_that_stands_still_is_trouble_within_three_intervals() {
        let pulse = Pulse::default();
        pulse.start(at(0));
        assert_eq!(pulse.trouble(at(3)), None);
        assert!(pulse.trouble(at(4)).is_some());
        pulse.swept(at(4));
        assert_eq!(pulse.trouble(at(5)), None);
    }

    #[test]
    fn a_store_that_refuses_is_trouble_until_a_commit_goes_through() {
        let pulse = Pulse::default();
        pulse.swept(at(1));
        pulse.refused(at(1), "locked".into());
        pulse.refused(at(2), "still locked".into());
        assert_eq!(pulse.broken(), Some((at(1), "still locked".into())));
        assert!(pulse.trouble(at(2)).unwrap().contains("still locked"));
        pulse.committed(at(3));
        assert_eq!(pulse.trouble(at(3)), None);
    }

    #[test]
    fn what_stands_still_is_trouble_as_soon_by_a_clock_that_was_set_back() {
        let pulse = Pulse::default();
        pulse.start(at(0));
        pulse.couriered("ops", at(5_000));
        pulse.committed(at(5_000));
        pulse.swept(at(5_000));
        pulse.step(-3_600_000);
        assert_eq!(pulse.trouble(at(1_403)), None);
        assert!(pulse.trouble(at(1_404)).is_some(), "the sweep stands still");
        pulse.swept(at(1_405));
        pulse.committed(at(1_405));
        assert!(!pulse.advanced_since(at(1_401)), "the courier stands still");
        assert_eq!(pulse.stepped_ms(), -3_600_000);
    }

    #[test]
    fn all_of_sweep_commit_and_courier_must_have_advanced() {
        let pulse = Pulse::default();
        pulse.couriered("ops", at(1));
        pulse.swept(at(5));
        pulse.committed(at(5));
        assert!(!pulse.advanced_since(at(2)), "the courier stands still");
        pulse.couriered("ops", at(5));
        assert!(pulse.advanced_since(at(2)));
        assert!(!pulse.advanced_since(at(5)));
    }
}
