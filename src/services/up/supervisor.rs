//! Keeps running what is to run: one pass looks at every process and does what is due.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::oneshot;

use super::alarms::Alarms;
use super::event::{Event, Events};
use super::kept::{Change, Found, Kept, MANY};
use super::news::{About, News, Pass};
use super::plan::{Duty, Plan};
use super::versions::Versions;
use crate::domain::clock_step::moved;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::runtime::process::control::{InstanceState, PartState, ReplaceOrder, UpState};
use crate::runtime::process::output;
use crate::runtime::process::record::Record;
use crate::runtime::process::running::{Launcher, Running};

/// How often logs are measured.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// How many of its last lines stand in the news of an instance's death.
const LAST_LINES: usize = 3;
/// Among how many last lines the one is looked for that says why.
const LAST_WORDS: usize = 6;

/// Everything that is kept running on this machine.
#[derive(Debug)]
pub(super) struct Supervisor {
    plan: Plan,
    versions: Versions,
    launcher: Launcher,
    kept: Vec<Kept>,
    news: Vec<News>,
    replacements: Vec<(Colour, oneshot::Sender<UpState>)>,
    events: Events,
    beat_at: Moment,
    measure_at: Moment,
}

impl Supervisor {
    /// With what an earlier `up` has left running.
    pub(super) fn new(plan: Plan, versions: Versions, events: Events, now: Moment) -> Self {
        let records = plan.state.processes();
        let launcher = Launcher { prefix: [&plan.allswell.display().to_string(), "session", "--"].map(str::to_owned).to_vec(), records };
        let mut supervisor = Self {
            plan,
            versions,
            launcher,
            kept: Vec::new(),
            news: Vec::new(),
            replacements: Vec::new(),
            events,
            beat_at: now,
            measure_at: now,
        };
        supervisor.find(now);
        supervisor
    }

    fn find(&mut self, now: Moment) {
        let mut records = Record::all(&self.launcher.records);
        for duty in self.plan.duties() {
            let name = duty.name();
            let record = records.iter().position(|record| record.name == name).map(|at| records.swap_remove(at));
            self.keep(duty, record, now);
        }
        for record in records {
            self.keep(Duty::Former(record.name.clone()), Some(record), now);
        }
    }

    fn keep(&mut self, duty: Duty, record: Option<Record>, now: Moment) {
        let version = duty.instance().and_then(|instance| self.versions.of(instance.colour));
        let spec = self.plan.spec(&duty, version);
        let name = spec.name.clone();
        let grace = self.grace(&duty);
        let (kept, found) = Kept::new(duty, spec, grace, record, now);
        match found {
            Found::Nothing => {}
            Found::Same(pid) => self.events.say(Event::Adopted { name, pid }),
            Found::Other => self.events.say(Event::Outdated { name }),
            Found::Gone if matches!(kept.duty, Duty::Former(_)) => Record::remove(&self.launcher.records, &name),
            Found::Gone => self.news.push(Self::death(&self.plan, &self.versions, &kept, "ended while up was not there", now)),
        }
        self.kept.push(kept);
    }

    /// The proxy lets its requests finish first.
    fn grace(&self, duty: &Duty) -> Duration {
        let config = &self.plan.config;
        let drain = if *duty == Duty::Proxy { config.switch.drain } else { Duration::ZERO };
        config.runtime.stop_grace + drain
    }

    /// The clock was set by so many milliseconds: everything is due as soon as before, and has lasted as long.
    pub(super) fn clock_was_set(&mut self, by_ms: i64) {
        self.beat_at = moved(self.beat_at, by_ms);
        self.measure_at = moved(self.measure_at, by_ms);
        self.kept.iter_mut().for_each(|kept| kept.clock_was_set(by_ms));
    }

    /// One pass. Early and repeated calls do nothing.
    pub(super) fn step(&mut self, now: Moment, last_ones_too: bool) {
        for at in 0..self.kept.len() {
            let Some(kept) = self.kept.get_mut(at) else { break };
            let may_start = last_ones_too || !kept.duty.starts_last();
            while let Some(change) = kept.step(now, &self.launcher, may_start) {
                if let Change::Died { how, .. } = &change {
                    self.news.push(Self::death(&self.plan, &self.versions, kept, how, now));
                }
                Self::tell(&self.events, kept, change);
            }
        }
        self.answer_replacements();
        if self.measure_at <= now {
            self.measure_at = now + MEASURE_EVERY;
            self.rotate_logs();
        }
    }

    /// What this pass has to say to the watchers: at once when something has happened, else at the interval. After news of our own, all's well
    /// is said a whole interval later.
    pub(super) fn beat(&mut self, now: Moment, alarms: &Alarms) {
        let is_due = self.beat_at <= now || self.news.iter().any(|news| news.about == About::Part);
        if !is_due && self.news.is_empty() {
            return;
        }
        if is_due {
            self.beat_at = now + self.plan.config.probe.every;
        }
        alarms.pass(&Pass { is_due, ..self.pass(now) });
    }

    /// What there is to say now.
    pub(super) fn pass(&mut self, now: Moment) -> Pass {
        let parts = self.kept.iter().filter(|kept| !matches!(kept.duty, Duty::App(_)));
        let troubles: Vec<String> = parts.filter_map(|kept| kept.trouble(now)).collect();
        let trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
        Pass { news: std::mem::take(&mut self.news), trouble, is_due: true, bye: false }
    }

    fn death(plan: &Plan, versions: &Versions, kept: &Kept, how: &str, now: Moment) -> News {
        let name = kept.duty.name();
        let log = plan.log(&kept.duty);
        let lines: Vec<String> = match &kept.duty {
            Duty::App(_) => output::last_lines(&log, LAST_LINES).iter().map(|line| without_time(line).to_owned()).collect(),
            Duty::Watcher | Duty::Prober | Duty::Proxy | Duty::Heartbeat(_) | Duty::Former(_) => telling_line(&log).into_iter().collect(),
        };
        let said = if lines.is_empty() { String::new() } else { format!(". It last said: {}", lines.join(" | ")) };
        let reason = format!("{name} {how} and is started again{said}");
        let about = match &kept.duty {
            Duty::App(instance) => About::App { colour: instance.colour, version: versions.of(instance.colour).map(str::to_owned) },
            Duty::Watcher | Duty::Prober | Duty::Proxy | Duty::Heartbeat(_) | Duty::Former(_) => About::Part,
        };
        News { about, name, reason, at: now }
    }

    fn tell(events: &Events, kept: &Kept, change: Change) {
        let name = kept.duty.name();
        match change {
            Change::Started { pid, restarts } => events.say(Event::Started { name, pid, restarts }),
            Change::Ended { after, killed } => events.say(Event::Ended { name, after, killed }),
            Change::Died { how, wait, deaths } => {
                events.say(Event::Died { name: name.clone(), how, wait });
                if deaths == MANY {
                    let log = kept.spec().log.clone();
                    events.say(Event::Stuck { name, deaths, last_line: telling_line(&log), log });
                }
            }
        }
    }

    fn rotate_logs(&self) {
        for kept in &self.kept {
            let log = &kept.spec().log;
            if let Err(error) = output::rotate(log, output::LARGEST) {
                self.events.say(Event::Trouble(format!("{} cannot be moved aside: {error}", log.display())));
            }
        }
    }

    /// Begins to replace a colour's instances. The answer comes when the old ones have ended and the new ones are started; where the version
    /// cannot be remembered, nothing is done and there is none.
    pub(super) fn replace(&mut self, order: ReplaceOrder, now: Moment, answer: oneshot::Sender<UpState>) {
        let colour = order.colour;
        if let Some(Err(error)) = order.version.map(|version| self.versions.set(colour, version)) {
            self.events.say(Event::Trouble(format!("{colour} is not replaced: its version cannot be stored: {error}")));
            return;
        }
        let version = self.versions.of(colour).map(str::to_owned);
        for kept in self.kept.iter_mut().filter(|kept| kept.duty.instance().is_some_and(|instance| instance.colour == colour)) {
            kept.replace(self.plan.spec(&kept.duty, version.as_deref()), now);
        }
        self.events.say(Event::Replacing { colour, version });
        self.replacements.push((colour, answer));
    }

    fn answer_replacements(&mut self) {
        let is_ready = |colour: Colour| {
            let of_colour = |kept: &&Kept| matches!(&kept.duty, Duty::App(instance) if instance.colour == colour);
            self.kept.iter().filter(of_colour).all(Kept::was_started)
        };
        let ready: Vec<bool> = self.replacements.iter().map(|(colour, _)| is_ready(*colour)).collect();
        for (at, _) in ready.iter().enumerate().rev().filter(|(_, ready)| **ready) {
            let (_, answer) = self.replacements.swap_remove(at);
            // Whoever asked may have gone.
            let _ = answer.send(self.state());
        }
    }

    /// What runs.
    pub(super) fn state(&self) -> UpState {
        let mut state = UpState::default();
        for kept in &self.kept {
            let (pid, since) = (kept.running().map(Running::pid), kept.since());
            let running = pid.is_some();
            match &kept.duty {
                Duty::App(instance) => state.instances.push(InstanceState {
                    colour: instance.colour,
                    number: instance.number,
                    address: self.plan.address(*instance),
                    version: self.versions.of(instance.colour).map(str::to_owned),
                    pid,
                    since,
                    restarts: kept.restarts(),
                    running,
                    log: kept.spec().log.clone(),
                }),
                Duty::Watcher | Duty::Prober | Duty::Proxy | Duty::Heartbeat(_) => {
                    let (name, restarts) = (kept.duty.name(), kept.restarts());
                    state.parts.push(PartState { name, pid, since, restarts, running });
                }
                Duty::Former(_) => {}
            }
        }
        state
    }

    /// Everything is going to end, and the prober after what it looks at: a switch under way is not to be taken back for it.
    pub(super) fn say_that_all_ends(&self) {
        self.kept.iter().filter(|kept| kept.duty == Duty::Prober).filter_map(Kept::running).for_each(|prober| prober.tell(Signal::USR1));
    }

    /// Asks a stage of everything to end.
    pub(super) fn end_stage(&mut self, stage: usize, now: Moment) {
        for kept in self.kept.iter_mut().filter(|kept| kept.duty.stage() == stage) {
            if kept.end(now) {
                self.events.say(Event::Ending { name: kept.duty.name() });
            }
        }
    }

    /// Whether everything of a stage has ended.
    pub(super) fn is_stage_over(&self, stage: usize) -> bool {
        self.kept.iter().filter(|kept| kept.duty.stage() == stage).all(Kept::is_over)
    }

    /// Nothing is waited for any more: what is ending is killed.
    pub(super) fn hurry(&mut self, now: Moment) {
        self.kept.iter_mut().for_each(|kept| kept.hurry(now));
    }

    /// Looks at what ends, and starts nothing.
    pub(super) fn watch_the_end(&mut self, now: Moment) {
        for kept in &mut self.kept {
            while let Some(change) = kept.step(now, &self.launcher, false) {
                if let Change::Died { .. } = change {
                    continue;
                }
                Self::tell(&self.events, kept, change);
            }
        }
    }
}

/// The line of a log that says why: the last one that speaks of an error, among the last few; else the last one.
fn telling_line(log: &Path) -> Option<String> {
    let mut lines = output::last_lines(log, LAST_WORDS);
    let at = lines.iter().rposition(|line| line.to_ascii_lowercase().contains("error"));
    at.map(|at| lines.swap_remove(at)).or_else(|| lines.pop()).map(|line| without_time(&line).to_owned())
}

/// A log line of ours without its time, its level and the part's name: what is left is a sentence.
fn without_time(line: &str) -> &str {
    let levels = [" ERROR ", " WARN ", " INFO "];
    let after = levels
        .iter()
        .find_map(|level| line.split_once(level).filter(|(time, _)| chrono::DateTime::parse_from_rfc3339(time.trim()).is_ok()));
    let words = after.map_or(line, |(_, words)| words);
    words.rsplit_once(" part=\"").map_or(words, |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_why_is_found_and_reads_as_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "one\n2026-11-23T06:54:14.425693Z ERROR the port is in use\nbye\n").unwrap();
        assert_eq!(telling_line(&log).unwrap(), "the port is in use");
        std::fs::write(&log, "an ERROR of its own\n").unwrap();
        assert_eq!(telling_line(&log).unwrap(), "an ERROR of its own");
        std::fs::write(&log, "one\nbye\n").unwrap();
        assert_eq!(telling_line(&log).unwrap(), "bye");
    }
}
