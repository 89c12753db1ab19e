//! What the prober remembers of each target, and what its journal has not taken yet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::orders::{TargetState, WatcherState};
use crate::domain::answers::{Answers, BothAnswers};
use crate::domain::beat::Showing;
use crate::domain::colour::Colour;
use crate::domain::gate::Observation;
use crate::domain::moment::Moment;

/// So many observations of each target are kept: more than any gate asks for in practice.
const KEPT: usize = 256;

/// What the colours have answered is known as it was so long ago.
const LATELY: Duration = Duration::from_secs(300);

/// The last observations of every target, by name, what the colours have answered lately, and the end of a switch that is not written down.
#[derive(Debug, Default)]
pub struct Memory {
    targets: Mutex<BTreeMap<String, Remembered>>,
    watchers: Mutex<BTreeMap<String, WatcherState>>,
    /// In elapsed time, oldest first.
    answers: Mutex<VecDeque<(Duration, BothAnswers)>>,
    unwritten: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Remembered {
    observations: VecDeque<Observation>,
    /// What began earlier says nothing about the instances that are there now.
    counts_from: Moment,
    weak_since: Option<Moment>,
    has_passed: bool,
}

impl Memory {
    /// Keeps an observation.
    pub fn note(&self, target: &str, observation: &Observation) {
        let mut targets = lock(&self.targets);
        let remembered = targets.entry(target.to_owned()).or_default();
        if remembered.observations.len() == KEPT {
            remembered.observations.pop_front();
        }
        remembered.observations.push_back(observation.clone());
        remembered.has_passed |= observation.passed();
        remembered.weak_since = match observation.showing {
            Showing::Good => None,
            Showing::Slow | Showing::Bad | Showing::Exited => remembered.weak_since.or(Some(observation.at)),
        };
    }

    /// When the present run of answers that are not good began; none where the last one is good.
    #[must_use]
    pub fn weak_since(&self, target: &str) -> Option<Moment> {
        lock(&self.targets).get(target)?.weak_since
    }

    /// From now on only probes that begin after `now` count: the instances behind the target are replaced.
    pub fn begin_anew(&self, target: &str, now: Moment) {
        lock(&self.targets).entry(target.to_owned()).or_default().counts_from = now;
    }

    /// What was observed of a target, oldest first, as far as it counts.
    #[must_use]
    pub fn of(&self, target: &str) -> Vec<Observation> {
        let targets = lock(&self.targets);
        let Some(remembered) = targets.get(target) else { return Vec::new() };
        let counts = |seen: &&Observation| seen.began() > remembered.counts_from;
        remembered.observations.iter().filter(counts).cloned().collect()
    }

    /// The last observation of a target.
    #[must_use]
    pub fn last(&self, target: &str) -> Option<Observation> {
        lock(&self.targets).get(target)?.observations.back().cloned()
    }

    /// Whether the target was ever seen passing.
    #[must_use]
    pub fn has_passed(&self, target: &str) -> bool {
        lock(&self.targets).get(target).is_some_and(|remembered| remembered.has_passed)
    }

    /// How a target stands.
    #[must_use]
    pub fn state(&self, target: &str) -> TargetState {
        let observed = self.of(target);
        let in_a_row = |passing: bool| {
            let count = observed.iter().rev().take_while(|probe| probe.passed() == passing).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        TargetState {
            name: target.to_owned(),
            passes_in_a_row: in_a_row(true),
            failures_in_a_row: in_a_row(false),
            last: self.last(target),
        }
    }

    /// Keeps how a watcher stands.
    pub fn note_watcher(&self, watcher: WatcherState) {
        lock(&self.watchers).insert(watcher.url.clone(), watcher);
    }

    /// How every watcher stands.
    #[must_use]
    pub fn watchers(&self) -> Vec<WatcherState> {
        lock(&self.watchers).values().cloned().collect()
    }

    /// Keeps what the colours have answered by `now`, in elapsed time.
    pub fn note_answers(&self, now: Duration, answers: BothAnswers) {
        let mut kept = lock(&self.answers);
        kept.push_back((now, answers));
        while kept.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= LATELY) {
            kept.pop_front();
        }
    }

    /// What a colour that has answered this much has answered in the last five minutes: old trouble hides no new one. All of it, where that is too
    /// little to go by.
    #[must_use]
    pub fn answered_lately(&self, colour: Colour, answers: Answers) -> Answers {
        let lately = lock(&self.answers).front().and_then(|(_, then)| answers.since(then.of(colour)));
        lately.filter(|lately| lately.total >= Answers::ENOUGH).unwrap_or(answers)
    }

    /// Keeps which end of a switch is not in the journal yet, and why; none where every one is.
    pub fn note_unwritten(&self, trouble: Option<String>) {
        *lock(&self.unwritten) = trouble;
    }

    /// Which end of a switch is not in the journal yet, and why.
    #[must_use]
    pub fn unwritten(&self) -> Option<String> {
        lock(&self.unwritten).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(second: i64, showing: Showing) -> Observation {
        Observation { at: Moment::from_millis(second * 1_000), showing, status: None, latency_ms: 1, reason: None }
    }

    #[test]
    fn a_run_begins_with_its_first_weak_answer_and_ends_with_a_good_one() {
        let memory = Memory::default();
        let run: Vec<_> = [(1, Showing::Good), (2, Showing::Slow), (3, Showing::Bad), (4, Showing::Good), (5, Showing::Bad)]
            .into_iter()
            .map(|(second, showing)| {
                memory.note("blue", &observation(second, showing));
                memory.weak_since("blue").map(|since| since.as_millis() / 1_000)
            })
            .collect();
        assert_eq!(run, [None, Some(2), Some(2), None, Some(5)]);
        assert_eq!((memory.state("blue").failures_in_a_row, memory.has_passed("blue")), (1, true));
        assert!(!memory.has_passed("green"));
    }

    #[test]
    fn what_went_wrong_long_ago_does_not_count_as_how_it_was_before() {
        let memory = Memory::default();
        let (minute, blue) =
            (Duration::from_secs(60), |total, failed| BothAnswers { blue: Answers { total, failed }, ..BothAnswers::default() });
        assert_eq!(memory.answered_lately(Colour::Blue, Answers { total: 9, failed: 9 }), Answers { total: 9, failed: 9 });
        memory.note_answers(minute, blue(1_000, 1_000));
        for number in 2..=20 {
            memory.note_answers(minute * number, blue(1_000 * u64::from(number), 1_000));
        }
        let lately = memory.answered_lately(Colour::Blue, Answers { total: 20_100, failed: 1_001 });
        assert_eq!(lately, Answers { total: 5_100, failed: 1 }, "five minutes and what has come since");
        let few = Answers { total: 15_010, failed: 1_000 };
        assert_eq!(memory.answered_lately(Colour::Blue, few), few, "ten prove nothing");
        assert_eq!(memory.answered_lately(Colour::Blue, Answers { total: 50, failed: 0 }).total, 50, "the proxy has begun to count anew");
    }

    #[test]
    fn after_a_replacement_only_probes_that_began_later_count() {
        let memory = Memory::default();
        for second in 1..4 {
            memory.note("blue", &observation(second, Showing::Good));
        }
        memory.begin_anew("blue", Moment::from_millis(4_000));
        assert_eq!(memory.state("blue").passes_in_a_row, 0);
        let under_way = Observation { latency_ms: 1_500, ..observation(5, Showing::Good) };
        memory.note("blue", &under_way);
        assert_eq!(memory.of("blue"), [], "it ended after the replacement and began before");
        assert_eq!(memory.last("blue"), Some(under_way));
        memory.note("blue", &observation(6, Showing::Good));
        assert_eq!(memory.of("blue"), [observation(6, Showing::Good)]);
    }

    #[test]
    fn it_is_bounded() {
        let memory = Memory::default();
        for second in 0..1_000 {
            memory.note("blue", &observation(second, Showing::Good));
        }
        assert_eq!(memory.of("blue").len(), KEPT);
        assert_eq!(memory.last("blue").unwrap().at, Moment::from_millis(999_000));
    }
}
