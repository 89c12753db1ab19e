//! One process that is kept running: started, watched, started again, replaced, ended.

use std::time::Duration;

use super::backoff::{Backoff, SETTLED};
use super::plan::Duty;
use crate::domain::moment::{Moment, humane};
use crate::runtime::process::command::Spec;
use crate::runtime::process::record::Record;
use crate::runtime::process::running::{Launcher, Running};

/// So many deaths in a row are said aloud.
pub(super) const MANY: u32 = 3;

/// One process that is to run.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) duty: Duty,
    spec: Spec,
    stage: Stage,
    backoff: Backoff,
    restarts: u32,
    last_death: Option<String>,
    /// How long it may take to end.
    grace: Duration,
    /// It is not started again.
    leaving: bool,
    /// It was started, or could not be, since it was last replaced.
    was_started: bool,
}

#[derive(Debug)]
enum Stage {
    Waiting { due: Moment },
    Running(Running),
    Ending { running: Running, asked_at: Moment, kill_at: Moment, killed: bool },
    Over,
}

/// What was found at the start of `up`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or what is left of an earlier start of the machine.
    Nothing,
    /// The same process still runs.
    Same(u32),
    /// It runs as an earlier config wanted it: it is replaced.
    Other,
    /// It was started and has ended while nobody looked.
    Gone,
}

/// What a look has brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Started {
        pid: u32,
        restarts: u32,
    },
    /// It ended by itself, or could not be started.
    Died {
        how: String,
        wait: Duration,
        deaths: u32,
    },
    /// It ended as asked.
    Ended {
        after: Duration,
        killed: bool,
    },
}

impl Kept {
    /// With what its record says of an earlier `up`.
    pub(super) fn new(duty: Duty, spec: Spec, grace: Duration, record: Option<Record>, now: Moment) -> (Self, Found) {
        let was_of_this_boot = record.as_ref().is_some_and(|record| record.process.is_of_this_boot());
        let (stage, found) = match record.and_then(Running::adopt) {
            Some(running) if running.record().is_of(&spec) => {
                let pid = running.pid();
                (Stage::Running(running), Found::Same(pid))
            }
            Some(running) => (ask_to_end(running, now, grace), Found::Other),
            None if matches!(duty, Duty::Former(_)) => (Stage::Over, Found::Gone),
            None if was_of_this_boot => (Stage::Waiting { due: now }, Found::Gone),
            None => (Stage::Waiting { due: now }, Found::Nothing),
        };
        let leaving = matches!(duty, Duty::Former(_));
        let was_started = matches!(found, Found::Same(_));
        (Self { duty, spec, stage, backoff: Backoff::default(), restarts: 0, last_death: None, grace, leaving, was_started }, found)
    }

    /// Looks, and does what is due. Early and repeated calls do nothing.
    pub(super) fn step(&mut self, now: Moment, launcher: &Launcher, may_start: bool) -> Option<Change> {
        match &mut self.stage {
            Stage::Over => None,
            Stage::Waiting { due } if may_start && *due <= now => Some(self.start(now, launcher)),
            Stage::Waiting { .. } => None,
            Stage::Running(running) => {
                let ending = running.ended()?;
                let lived = now.since(running.since());
                Record::remove(&launcher.records, &self.spec.name);
                Some(self.died(ending.to_string(), lived, now))
            }
            Stage::Ending { running, asked_at, kill_at, killed } => {
                if running.ended().is_none() {
                    if *kill_at <= now && !*killed {
                        *killed = true;
                        running.kill();
                    }
                    return None;
                }
                let change = Change::Ended { after: now.since(*asked_at), killed: *killed };
                Record::remove(&launcher.records, &self.spec.name);
                self.stage = if self.leaving { Stage::Over } else { Stage::Waiting { due: now } };
                Some(change)
            }
        }
    }

    fn start(&mut self, now: Moment, launcher: &Launcher) -> Change {
        self.was_started = true;
        match Running::start(&self.spec, launcher) {
            Ok(running) => {
                let pid = running.pid();
                self.stage = Stage::Running(running);
                Change::Started { pid, restarts: self.restarts }
            }
            Err(error) => self.died(format!("did not start: {error}"), Duration::ZERO, now),
        }
    }

    fn died(&mut self, how: String, lived: Duration, now: Moment) -> Change {
        let wait = self.backoff.died(lived);
        self.restarts = self.restarts.saturating_add(1);
        self.stage = Stage::Waiting { due: now + wait };
        self.last_death = Some(how.clone());
        Change::Died { how, wait, deaths: self.backoff.deaths() }
    }

    /// Ends what runs, and starts it again by `spec`.
    pub(super) fn replace(&mut self, spec: Spec, now: Moment) {
        self.spec = spec;
        self.was_started = false;
        self.backoff = Backoff::default();
        self.last_death = None;
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Running(running) => ask_to_end(running, now, self.grace),
            Stage::Waiting { .. } | Stage::Over => Stage::Waiting { due: now },
            ending @ Stage::Ending { .. } => ending,
        };
    }

    /// Ends it for good. Says whether there was something to end.
    pub(super) fn end(&mut self, now: Moment) -> bool {
        self.leaving = true;
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Running(running) => ask_to_end(running, now, self.grace),
            Stage::Waiting { .. } | Stage::Over => Stage::Over,
            ending @ Stage::Ending { .. } => ending,
        };
        !matches!(self.stage, Stage::Over)
    }

    /// Ends it without asking, where it is ending already.
    pub(super) fn hurry(&mut self, now: Moment) {
        if let Stage::Ending { kill_at, .. } = &mut self.stage {
            *kill_at = now;
        }
    }

    /// Whether it was started, or could not be, since it was last replaced.
    pub(super) fn was_started(&self) -> bool {
        self.was_started
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// What runs now, by the spec that is wanted now.
    pub(super) fn running(&self) -> Option<&Running> {
        match &self.stage {
            Stage::Running(running) => Some(running),
            Stage::Waiting { .. } | Stage::Ending { .. } | Stage::Over => None,
        }
    }

    /// How it is started.
    pub(super) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// How often it died and was started again.
    pub(super) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Why it cannot be called well: it waits to be started again, or has died often and not settled since.
    pub(super) fn trouble(&self, now: Moment) -> Option<String> {
        let how = self.last_death.as_deref()?;
        let name = &self.spec.name;
        let deaths = self.backoff.deaths();
        match &self.stage {
            Stage::Waiting { due } => Some(format!("{name} {how} and is started again in {}", humane(due.since(now)))),
            Stage::Running(running) if deaths >= MANY && now.since(running.since()) < SETTLED => {
                Some(format!("{name} has ended {deaths} times in a row; the last time it {how}"))
            }
            Stage::Running(_) | Stage::Ending { .. } | Stage::Over => None,
        }
    }
}

fn ask_to_end(running: Running, now: Moment, grace: Duration) -> Stage {
    running.terminate();
    Stage::Ending { running, asked_at: now, kill_at: now + grace, killed: false }
}
