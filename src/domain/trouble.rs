//! What is wrong with a container, as a person is told.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::container::End;
use super::moment::{Moment, humane};

/// So many ends within [`WINDOW`] are a loop.
const LOOP: usize = 3;
/// An end counts towards a loop for so long.
const WINDOW: Duration = Duration::from_secs(300);
/// What restarted in a loop must run for so long to be well again.
const STEADY_AFTER_LOOP: Duration = Duration::from_secs(60);

/// What is wrong with a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when, by our clock.
    pub since: Moment,
    /// It is told from then on, if it lasts.
    pub told_from: Moment,
    /// What it said last. None: nobody has looked.
    pub said: Option<Vec<String>>,
    what: What,
    /// When it ended within the last minutes.
    ends: Vec<Moment>,
}

/// What happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It ended.
    Ended(End),
    /// Somebody holds it still.
    Paused,
    /// It was removed.
    Gone,
}

impl Trouble {
    /// What has happened now, on top of what was wrong already.
    #[must_use]
    pub fn again(before: Option<Self>, what: What, now: Moment, patience: Duration) -> Self {
        let (since, told_from, mut ends) =
            before.map_or((now, now + patience, Vec::new()), |before| (before.since, before.told_from.min(now + patience), before.ends));
        if let What::Ended(end) = &what {
            ends.push(end.at);
            ends.retain(|at| now.since(*at) <= WINDOW);
        }
        Self { since, told_from, said: None, what, ends }
    }

    /// Whether what it said last is worth looking up, and nobody has.
    #[must_use]
    pub fn has_last_words(&self) -> bool {
        self.said.is_none() && matches!(self.what, What::Ended(_))
    }

    /// Another account of the same end: what it knows besides.
    pub fn learn(&mut self, end: &End, slack: Duration) {
        let What::Ended(known) = &mut self.what else { return };
        if known.at.since(end.at).max(end.at.since(known.at)) <= slack {
            known.code = known.code.or(end.code);
            known.out_of_memory |= end.out_of_memory;
            known.sent = known.sent.take().or_else(|| end.sent.clone());
            known.note = known.note.take().or_else(|| end.note.clone());
        }
    }

    /// How long it must run to be well again: longer where it restarted in a loop.
    #[must_use]
    pub fn steady(&self, ordinary: Duration, now: Moment) -> Duration {
        if self.in_loop(now) { ordinary.max(STEADY_AFTER_LOOP) } else { ordinary }
    }

    fn in_loop(&self, now: Moment) -> bool {
        self.ends.iter().filter(|at| now.since(**at) <= WINDOW).count() >= LOOP
    }
}

/// `ended with exit code 1; it restarts in a loop: 4 times in 20s; it said last: out of cheese`.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Ended(end) => write!(f, "{end}")?,
            What::Paused => f.write_str("is paused by hand")?,
            What::Gone => f.write_str("is not there any more: it was removed by hand")?,
        }
        if let (true, Some(first), Some(last)) = (self.ends.len() >= LOOP, self.ends.first(), self.ends.last()) {
            write!(f, "; it restarts in a loop: {} times in {}", self.ends.len(), humane(last.since(*first)))?;
        }
        match &self.said {
            Some(lines) if !lines.is_empty() => write!(f, "; it said last: {}", lines.join(" | ")),
            Some(_) | None => Ok(()),
        }
    }
}
