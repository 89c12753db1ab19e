//! How a world ended.

use std::fmt;

use super::plan::DAY;

/// A world without a violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Its seed.
    pub(crate) seed: u64,
    /// How much time passed in it, in milliseconds.
    pub(crate) millis: i64,
    /// Beats that were stored.
    pub(crate) beats: usize,
    /// Missed deadlines that had to be told.
    pub(crate) missed: usize,
    /// Notices that a channel took.
    pub(crate) taken: usize,
    /// Those of them that told several together which were over before anybody had heard of them.
    pub(crate) gathered: usize,
    /// Times a watcher died, stood still or was cut off, a store stalled, or a clock stepped.
    pub(crate) faults: usize,
    /// A digest of everything that happened, in order.
    pub(crate) digest: u64,
}

/// Something that must never happen.
#[derive(Debug)]
pub(crate) struct Violation {
    /// The seed that makes it happen again.
    pub(crate) seed: u64,
    /// What.
    pub(crate) what: String,
    /// The last things that happened before it.
    pub(crate) story: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        self.story.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        write!(f, "again: ALLSWELL_SEED={} cargo test --test simulation", self.seed)
    }
}

/// What happened, for whoever has to find out why; and its digest.
#[derive(Debug, Default)]
pub(super) struct Story {
    lines: std::collections::VecDeque<String>,
    digest: u64,
}

impl Story {
    /// As many lines are kept.
    const KEPT: usize = 200;

    pub(super) fn say(&mut self, at: i64, words: fmt::Arguments<'_>) {
        let line = format!("{} {words}", clock(at));
        // FNV-1a: the same on every machine.
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.lines.len() == Self::KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}

/// `12d 03:04:05.678`.
pub(super) fn clock(at: i64) -> String {
    let (days, rest) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (seconds, left) = (rest / 1_000, rest % 1_000);
    format!("{days}d {:02}:{:02}:{:02}.{left:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
