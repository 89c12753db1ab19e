//! A watcher's process: what it has in memory, and what becomes of that.

use allswell::domain::beat::Beat;
use allswell::monitor::{Arrived, Claimed, Monitor};

use super::channel::Attempt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Running,
    /// It is not there until then.
    Dead,
    /// It stands still.
    Suspended,
    /// It runs, and is on no network.
    CutOff,
}

/// A step of a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Ingest,
    Sweep,
    Claim,
    Settle,
}

pub(super) const STEPS: [Step; 4] = [Step::Ingest, Step::Sweep, Step::Claim, Step::Settle];

/// Where its process dies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doom {
    pub(super) step: Step,
    /// At this fuse within the step; none: after its commit, and before anybody hears of that.
    pub(super) fuse: Option<usize>,
}

/// A beat that a watcher has dated.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) beat: Beat,
    pub(super) sender: usize,
    pub(super) attempt: u64,
    pub(super) at: i64,
}

/// A beat between its arrival and its answer.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) arrived: Arrived,
    pub(super) at: i64,
    pub(super) sender: usize,
    pub(super) attempt: u64,
}

/// One channel's courier.
#[derive(Debug, Default)]
pub(super) struct Courier {
    pub(super) next_poll: i64,
    pub(super) sent: Option<Sent>,
}

/// A notice that a channel has, or not, and whose answer is on its way.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) claimed: Claimed,
    pub(super) attempt: Attempt,
    pub(super) sent_at: i64,
    pub(super) answered_at: i64,
}

#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) monitor: Option<Monitor>,
    /// Which of its lives this is: what was meant for another is lost.
    pub(super) life: u64,
    pub(super) condition: Condition,
    pub(super) queue: Vec<Flight>,
    pub(super) batch: Vec<Flight>,
    pub(super) couriers: Vec<Courier>,
    pub(super) next_sweep: i64,
    pub(super) last_sweep: i64,
    pub(super) doom: Option<Doom>,
}

impl Watcher {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            monitor: None,
            life: 0,
            condition: Condition::Dead,
            queue: Vec::new(),
            batch: Vec::new(),
            couriers: (0..channels).map(|_| Courier::default()).collect(),
            next_sweep: i64::MAX,
            last_sweep: i64::MIN / 2,
            doom: None,
        }
    }

    /// When its oldest beat arrived that is not committed.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.queue.iter().chain(&self.batch).map(|flight| flight.at).min()
    }

    /// It dies at this step, and here; it is asked once.
    pub(super) fn doomed(&mut self, step: Step) -> Option<Doom> {
        self.doom.take_if(|doom| doom.step == step)
    }

    /// Nothing of its own is under way. A doom is none of that: the step at which it dies may not come for days.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.batch.is_empty() && self.couriers.iter().all(|courier| courier.sent.is_none())
    }
}
