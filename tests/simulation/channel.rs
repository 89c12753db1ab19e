//! What a channel does with what it is sent.

use allswell::notify::{Receipt, SendError};

use super::dice::Dice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// It takes everything, so many milliseconds later.
    Slow(i64),
    /// It asks to be tried again.
    Busy,
    /// It refuses for good.
    Refusing,
    /// It says nothing until the attempt ends.
    Silent,
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) mood: Mood,
    /// Since when it is well.
    pub(super) well_since: i64,
}

/// What came of one attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The people behind the channel have it.
    pub(super) is_taken: bool,
    pub(super) takes: i64,
    pub(super) answer: Result<Receipt, SendError>,
}

impl Channel {
    pub(super) fn new() -> Self {
        Self { mood: Mood::Well, well_since: 0 }
    }

    pub(super) fn set(&mut self, mood: Mood, now: i64) {
        if mood == Mood::Well && self.mood != Mood::Well {
            self.well_since = now;
        }
        self.mood = mood;
    }

    pub(super) fn attempt(&self, dice: &mut Dice, loses_answers: bool, is_reachable: bool) -> Attempt {
        let retry = |why: &str| Err(SendError::Retry { why: why.to_owned(), after: None });
        let (is_taken, takes, answer) = match self.mood {
            _ if !is_reachable => (false, dice.between(1, 100), retry("no network")),
            Mood::Well | Mood::Slow(_) if loses_answers && dice.chance(200) => (true, 5_000, retry("no answer within 5s")),
            Mood::Well => (true, dice.between(1, 60), Ok(Receipt("ok".into()))),
            Mood::Slow(takes) => (true, takes, Ok(Receipt("ok".into()))),
            Mood::Busy => (false, dice.between(1, 200), retry("answered 503")),
            Mood::Refusing => (false, dice.between(1, 200), Err(SendError::Permanent { why: "answered 404".into() })),
            Mood::Silent => (false, 5_000, retry("no answer within 5s")),
        };
        Attempt { is_taken, takes, answer }
    }
}
