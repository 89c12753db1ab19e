//! When a heartbeat speaks for itself: a watcher acknowledges nothing, or the app fails and no watcher would hear of it.

use std::iter::once;
use std::time::Duration;

use crate::domain::clock_step::moved;
use crate::domain::moment::Moment;

/// Bad answers in a row that are told when no watcher hears them.
const FALL: u32 = 3;

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// A watcher acknowledges nothing.
    Unheard {
        /// Which.
        watcher: usize,
        /// Since when.
        since: Moment,
        /// What it did instead.
        why: String,
    },
    /// It acknowledges again.
    HeardAgain {
        /// Which.
        watcher: usize,
        /// Since when it had not.
        since: Moment,
    },
    /// The app fails, and no watcher hears of it.
    Failing {
        /// Since when.
        since: Moment,
        /// How.
        why: String,
    },
    /// It is well again.
    Recovered {
        /// Since when it had not been.
        since: Moment,
    },
}

#[derive(Debug, Clone, Default)]
struct Silence {
    since: Option<Moment>,
    told: bool,
    was_heard: bool,
}

/// What has been heard and told so far. Pure: a moment in, news out.
#[derive(Debug)]
pub(super) struct Lookout {
    patience: Duration,
    watchers: Vec<Silence>,
    app: Silence,
    bad: u32,
}

impl Lookout {
    /// Over so many watchers, each of which may be silent for `patience`.
    pub(super) fn new(watchers: usize, patience: Duration) -> Self {
        Self { patience, watchers: vec![Silence::default(); watchers], app: Silence::default(), bad: 0 }
    }

    /// A watcher's answer to a beat, or what it did instead.
    pub(super) fn answered(&mut self, watcher: usize, answer: Result<(), &str>, now: Moment) -> Option<News> {
        let silence = self.watchers.get_mut(watcher)?;
        match answer {
            Ok(()) => {
                let ended = std::mem::replace(silence, Silence { was_heard: true, ..Silence::default() });
                ended.since.filter(|_| ended.told).map(|since| News::HeardAgain { watcher, since })
            }
            Err(why) => {
                let since = *silence.since.get_or_insert(now);
                if silence.told || now.since(since) < self.patience {
                    return None;
                }
                silence.told = true;
                Some(News::Unheard { watcher, since, why: why.to_owned() })
            }
        }
    }

    /// What the app's answer showed: none is good.
    pub(super) fn examined(&mut self, trouble: Option<&str>, now: Moment) -> Option<News> {
        let Some(why) = trouble else {
            self.bad = 0;
            let ended = std::mem::take(&mut self.app);
            return ended.since.filter(|_| ended.told).map(|since| News::Recovered { since });
        };
        self.bad = self.bad.saturating_add(1);
        let since = *self.app.since.get_or_insert(now);
        if self.app.told || self.bad < FALL || !self.is_alone() {
            return None;
        }
        self.app.told = true;
        Some(News::Failing { since, why: why.to_owned() })
    }

    /// The clock was set by so many milliseconds: what is not told yet began as long ago as before. What was told keeps the time by which it is known.
    pub(super) fn clock_was_set(&mut self, by_ms: i64) {
        for silence in self.watchers.iter_mut().chain(once(&mut self.app)).filter(|silence| !silence.told) {
            silence.since = silence.since.map(|since| moved(since, by_ms));
        }
    }

    /// When the present run of bad answers began.
    pub(super) fn bad_since(&self) -> Option<Moment> {
        self.app.since
    }

    /// Whether no watcher hears us, and has not for longer than our patience. Without watchers: always.
    fn is_alone(&self) -> bool {
        self.watchers.iter().all(|silence| silence.told)
    }

    /// Whether the present run of bad answers has been told by us.
    pub(super) fn has_told_of_app(&self) -> bool {
        self.app.told
    }

    /// How many watchers acknowledged what they were sent last.
    pub(super) fn acknowledging(&self) -> usize {
        self.watchers.iter().filter(|silence| silence.was_heard && silence.since.is_none()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_silent_watcher_is_told_once_after_our_patience_and_once_when_it_is_heard_again() {
        let mut lookout = Lookout::new(2, Duration::from_secs(60));
        assert_eq!(lookout.acknowledging(), 0);
        assert_eq!(lookout.answered(0, Err("connection refused"), at(0)), None);
        assert_eq!(lookout.answered(0, Err("connection refused"), at(59)), None);
        assert_eq!(lookout.answered(1, Ok(()), at(59)), None);
        assert_eq!(lookout.acknowledging(), 1);
        let unheard = News::Unheard { watcher: 0, since: at(0), why: "no answer in time".into() };
        assert_eq!(lookout.answered(0, Err("no answer in time"), at(60)), Some(unheard));
        assert_eq!(lookout.answered(0, Err("no answer in time"), at(70)), None);
        assert_eq!(lookout.answered(0, Ok(()), at(80)), Some(News::HeardAgain { watcher: 0, since: at(0) }));
        assert_eq!(lookout.answered(0, Ok(()), at(90)), None);
    }

    #[test]
    fn one_acknowledgement_begins_the_silence_anew() {
        let mut lookout = Lookout::new(1, Duration::from_secs(60));
        assert_eq!(lookout.answered(0, Err("x"), at(0)), None);
        assert_eq!(lookout.answered(0, Ok(()), at(50)), None);
        assert_eq!(lookout.answered(0, Err("x"), at(60)), None);
        assert_eq!(lookout.answered(0, Err("x"), at(119)), None);
        assert!(lookout.answered(0, Err("x"), at(120)).is_some());
    }

    #[test]
    fn a_clock_that_is_set_has_nothing_told_later_or_sooner_or_under_another_name() {
        for by_seconds in [-3_600, 3_600] {
            let mut lookout = Lookout::new(1, Duration::from_secs(60));
            let _ = lookout.answered(0, Err("x"), at(10_000));
            lookout.clock_was_set(by_seconds * 1_000);
            let now = |seconds: i64| at(10_000 + by_seconds + seconds);
            assert_eq!(lookout.answered(0, Err("x"), now(59)), None, "{by_seconds}");
            let unheard = News::Unheard { watcher: 0, since: now(0), why: "x".into() };
            assert_eq!(lookout.answered(0, Err("x"), now(60)), Some(unheard), "{by_seconds}");
            lookout.clock_was_set(-by_seconds * 1_000);
            assert_eq!(lookout.answered(0, Ok(()), at(10_070)), Some(News::HeardAgain { watcher: 0, since: now(0) }));
        }
    }

    #[test]
    fn a_failing_app_is_left_to_the_watchers_while_one_of_them_hears() {
        let mut lookout = Lookout::new(2, Duration::from_secs(60));
        let _ = lookout.answered(0, Err("x"), at(0));
        let _ = lookout.answered(0, Err("x"), at(60));
        for second in 61..70 {
            assert_eq!(lookout.examined(Some("answered 500"), at(second)), None);
        }
        let _ = lookout.answered(1, Err("x"), at(70));
        let _ = lookout.answered(1, Err("x"), at(130));
        assert_eq!(lookout.examined(Some("answered 500"), at(131)), Some(News::Failing { since: at(61), why: "answered 500".into() }));
        assert_eq!(lookout.examined(Some("answered 500"), at(132)), None);
        assert_eq!(lookout.examined(None, at(133)), Some(News::Recovered { since: at(61) }));
    }

    #[test]
    fn without_watchers_three_bad_answers_are_told_and_two_are_not() {
        let mut lookout = Lookout::new(0, Duration::from_secs(60));
        assert_eq!(lookout.examined(Some("x"), at(0)), None);
        assert_eq!(lookout.examined(Some("x"), at(1)), None);
        assert_eq!(lookout.examined(None, at(2)), None);
        assert_eq!(lookout.examined(Some("x"), at(3)), None);
        assert_eq!(lookout.examined(Some("x"), at(4)), None);
        assert!(lookout.examined(Some("x"), at(5)).is_some());
    }
}
