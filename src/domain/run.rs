//! Work that has begun and not ended: each run by itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::moment::Moment;

/// So many runs of one check are kept in mind. Of more, the newest are not: the oldest alarm first.
const MOST: usize = 100;

/// The runs of a check that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runs(Vec<Run>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    /// None: its sender names no run.
    id: Option<Uuid>,
    /// Its first start without an end: another one does not extend its deadline.
    since: Moment,
    /// Its last start: what it took is counted from here.
    last: Moment,
}

impl Runs {
    /// These runs by another clock: `by` says when each moment was by that one.
    #[must_use]
    pub fn dated(&self, by: impl Fn(Moment) -> Moment) -> Self {
        Self(self.0.iter().map(|run| Run { id: run.id, since: by(run.since), last: by(run.last) }).collect())
    }

    /// Whether none has begun.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A run begins.
    pub fn start(&mut self, id: Option<Uuid>, at: Moment) {
        let has_room = self.0.len() < MOST;
        match self.0.iter_mut().find(|run| run.id == id) {
            Some(run) => run.last = at,
            None if has_room => self.0.push(Run { id, since: at, last: at }),
            None => {}
        }
    }

    /// What the run that ends at `at` took. None: nobody knows when it began.
    #[must_use]
    pub fn took(&self, id: Option<Uuid>, at: Moment) -> Option<Duration> {
        self.0.iter().find(|run| run.id == id).map(|run| at.since(run.last))
    }

    /// A run ends. An end that names none, where none is open without a name, ends them all: its sender does not tell them apart.
    pub fn end(&mut self, id: Option<Uuid>) {
        if id.is_none() && !self.0.iter().any(|run| run.id.is_none()) {
            self.0.clear();
        }
        self.0.retain(|run| run.id != id);
    }

    /// When the oldest of them began.
    #[must_use]
    pub fn oldest(&self) -> Option<Moment> {
        self.0.iter().map(|run| run.since).min()
    }

    /// Forgets those that began by then: it is told that they never ended.
    pub fn forget(&mut self, until: Moment) {
        self.0.retain(|run| run.since > until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn each_run_ends_by_its_own_name() {
        let (one, two) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        let mut runs = Runs::default();
        runs.start(one, at(1));
        runs.start(two, at(5));
        assert_eq!((runs.took(one, at(9)), runs.took(two, at(9))), (Some(Duration::from_secs(8)), Some(Duration::from_secs(4))));
        runs.end(two);
        assert_eq!((runs.oldest(), runs.took(two, at(9))), (Some(at(1)), None));
        runs.end(Some(Uuid::from_u128(3)));
        assert_eq!(runs.oldest(), Some(at(1)), "an end of another run ends nothing");
        runs.end(None);
        assert_eq!(runs.oldest(), None, "an end without a name, and no run without one");
    }

    #[test]
    fn an_end_without_a_name_ends_the_run_without_one() {
        let one = Some(Uuid::from_u128(1));
        let mut runs = Runs::default();
        runs.start(one, at(1));
        runs.start(None, at(2));
        runs.end(None);
        assert_eq!(runs.oldest(), Some(at(1)));
    }

    #[test]
    fn a_start_that_is_repeated_has_the_deadline_of_the_first_and_counts_from_the_last() {
        let mut runs = Runs::default();
        runs.start(None, at(1));
        runs.start(None, at(5));
        assert_eq!((runs.oldest(), runs.took(None, at(6))), (Some(at(1)), Some(Duration::from_secs(1))));
    }

    #[test]
    fn more_runs_than_anybody_has_do_not_grow_for_ever() {
        let mut runs = Runs::default();
        for number in 0..10_000 {
            runs.start(Some(Uuid::from_u128(number)), at(number as i64));
        }
        assert_eq!((runs.0.len(), runs.oldest()), (MOST, Some(at(0))));
    }
}
