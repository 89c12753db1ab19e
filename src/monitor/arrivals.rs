//! The beats that have arrived and are not committed yet: silence is not looked for beyond the oldest of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::clock_step::moved;
use crate::domain::moment::Moment;

/// The moments of arrival that are under way, and the last one.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Mutex<Moments>>);

/// By the clock as it was at first.
#[derive(Debug, Default)]
struct Moments {
    under_way: BTreeMap<Moment, usize>,
    latest: Option<Moment>,
    /// By so many milliseconds the clock has been set since.
    stepped_ms: i64,
}

/// A beat that has arrived; when it is dropped, the beat has been committed or refused.
#[derive(Debug)]
pub struct Arrival {
    at: Moment,
    among: Arrivals,
}

impl Arrivals {
    /// A beat arrives, by this clock, which is not set meanwhile.
    #[must_use]
    pub fn arrive(&self, now: impl FnOnce() -> Moment) -> Arrival {
        let arrival = self.unheard(now);
        self.with(|moments| moments.latest = moments.latest.max(Some(arrival.at)));
        arrival
    }

    /// We say something ourselves, and have heard nobody.
    #[must_use]
    pub fn unheard(&self, now: impl FnOnce() -> Moment) -> Arrival {
        let at = self.with(|moments| {
            let at = moved(now(), -moments.stepped_ms);
            *moments.under_way.entry(at).or_insert(0) += 1;
            at
        });
        Arrival { at, among: self.clone() }
    }

    /// The clock is set by `set`, which says by how many milliseconds it is ahead then of what it was. What has arrived did so as long ago as before.
    pub fn step(&self, set: impl FnOnce() -> i64) -> i64 {
        self.with(|moments| {
            let by_ms = set();
            moments.stepped_ms = moments.stepped_ms.saturating_add(by_ms);
            by_ms
        })
    }

    /// When the oldest of them arrived.
    #[must_use]
    pub fn oldest(&self) -> Option<Moment> {
        self.with(|moments| moments.under_way.keys().next().map(|at| moved(*at, moments.stepped_ms)))
    }

    /// When anybody was heard last, since we run.
    #[must_use]
    pub fn latest(&self) -> Option<Moment> {
        self.with(|moments| moments.latest.map(|at| moved(at, moments.stepped_ms)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Moments) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Arrival {
    /// When, by the clock as it is now.
    #[must_use]
    pub fn at(&self) -> Moment {
        self.among.with(|moments| moved(self.at, moments.stepped_ms))
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.among.with(|Moments { under_way, .. }| {
            if let Some(count) = under_way.get_mut(&self.at) {
                *count -= 1;
                if *count == 0 {
                    under_way.remove(&self.at);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_the_oldest_that_is_still_under_way() {
        let at = |millis| Moment::from_millis(millis);
        let arrivals = Arrivals::default();
        let (first, second, twin) = (arrivals.arrive(|| at(1)), arrivals.arrive(|| at(2)), arrivals.arrive(|| at(1)));
        drop(first);
        assert_eq!(arrivals.oldest(), Some(at(1)));
        drop(twin);
        assert_eq!(arrivals.oldest(), Some(at(2)));
        drop(second);
        assert_eq!((arrivals.oldest(), arrivals.latest()), (None, Some(at(2))));
        let ours = arrivals.unheard(|| at(5));
        assert_eq!((arrivals.oldest(), arrivals.latest()), (Some(ours.at()), Some(at(2))));
    }

    #[test]
    fn what_is_under_way_when_the_clock_is_set_arrived_as_long_ago_as_before() {
        let at = |millis| Moment::from_millis(millis);
        let arrivals = Arrivals::default();
        let first = arrivals.arrive(|| at(1_000));
        arrivals.step(|| -400);
        let second = arrivals.arrive(|| at(700));
        assert_eq!((first.at(), second.at(), arrivals.oldest(), arrivals.latest()), (at(600), at(700), Some(at(600)), Some(at(700))));
        drop(first);
        assert_eq!(arrivals.oldest(), Some(at(700)));
        drop(second);
        assert_eq!(arrivals.oldest(), None);
    }
}
