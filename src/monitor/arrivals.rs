//! The beats that have arrived and are not committed yet: silence is not looked for beyond the oldest of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::moment::Moment;

/// The moments of arrival that are under way, and the last one.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Mutex<Moments>>);

#[derive(Debug, Default)]
struct Moments {
    under_way: BTreeMap<Moment, usize>,
    latest: Option<Moment>,
}

/// A beat that has arrived; when it is dropped, the beat has been committed or refused.
#[derive(Debug)]
pub struct Arrival {
    at: Moment,
    among: Arrivals,
}

impl Arrivals {
    /// A beat arrives.
    #[must_use]
    pub fn arrive(&self, at: Moment) -> Arrival {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moments.latest = moments.latest.max(Some(at));
        drop(moments);
        self.unheard(at)
    }

    /// We say something ourselves, and have heard nobody.
    #[must_use]
    pub fn unheard(&self, at: Moment) -> Arrival {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).under_way.entry(at).or_insert(0) += 1;
        Arrival { at, among: self.clone() }
    }

    /// When the oldest of them arrived.
    #[must_use]
    pub fn oldest(&self) -> Option<Moment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).under_way.keys().next().copied()
    }

    /// When anybody was heard last, since we run.
    #[must_use]
    pub fn latest(&self) -> Option<Moment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).latest
    }
}

impl Arrival {
    /// When.
    #[must_use]
    pub fn at(&self) -> Moment {
        self.at
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut moments = self.among.0.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = &mut moments.under_way;
        if let Some(count) = under_way.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_the_oldest_that_is_still_under_way() {
        let at = |millis| Moment::from_millis(millis);
        let arrivals = Arrivals::default();
        let (first, second, twin) = (arrivals.arrive(at(1)), arrivals.arrive(at(2)), arrivals.arrive(at(1)));
        drop(first);
        assert_eq!(arrivals.oldest(), Some(at(1)));
        drop(twin);
        assert_eq!(arrivals.oldest(), Some(at(2)));
        drop(second);
        assert_eq!((arrivals.oldest(), arrivals.latest()), (None, Some(at(2))));
        let ours = arrivals.unheard(at(5));
        assert_eq!((arrivals.oldest(), arrivals.latest()), (Some(ours.at()), Some(at(2))));
    }
}
