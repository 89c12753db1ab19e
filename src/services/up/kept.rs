//! One process that is kept running: started, watched, started again, replaced, ended.

use std::time::Duration;

use super::backoff::{Backoff, SETTLED};
use super::plan::Duty;
use crate::domain::clock_step::moved;
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
    /// Since when it runs, by the clock as it is now.
    since: Moment,
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
        let since = match &stage {
            Stage::Running(running) | Stage::Ending { running, .. } => running.since(),
            Stage::Waiting { .. } | Stage::Over => now,
        };
        (Self { duty, spec, stage, since, backoff: Backoff::default(), restarts: 0, last_death: None, grace, leaving, was_started }, found)
    }

    /// Looks, and does what is due. Early and repeated calls do nothing.
    pub(super) fn step(&mut self, now: Moment, launcher: &Launcher, may_start: bool) -> Option<Change> {
        match &mut self.stage {
            Stage::Over => None,
            Stage::Waiting { due } if may_start && *due <= now => Some(self.start(now, launcher)),
            Stage::Waiting { .. } => None,
            Stage::Running(running) => {
                let ending = running.ended()?;
                let lived = now.since(self.since);
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
                self.since = now;
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

    /// The clock was set by so many milliseconds: nobody waits longer for it, or is killed sooner.
    pub(super) fn clock_was_set(&mut self, by_ms: i64) {
        self.since = moved(self.since, by_ms);
        match &mut self.stage {
            Stage::Waiting { due } => *due = moved(*due, by_ms),
            Stage::Ending { asked_at, kill_at, .. } => {
                *asked_at = moved(*asked_at, by_ms);
                *kill_at = moved(*kill_at, by_ms);
            }
            Stage::Running(_) | Stage::Over => {}
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

    /// What runs now, though it may have been asked to end.
    pub(super) fn running(&self) -> Option<&Running> {
        match &self.stage {
            Stage::Running(running) | Stage::Ending { running, .. } => Some(running),
            Stage::Waiting { .. } | Stage::Over => None,
        }
    }

    /// Since when it runs, where it does.
    pub(super) fn since(&self) -> Option<Moment> {
        self.running().map(|_| self.since)
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
            Stage::Running(_) if deaths >= MANY && now.since(self.since) < SETTLED => {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock;

    const GRACE: Duration = Duration::from_secs(5);

    fn launcher(folder: &Path) -> Launcher {
        Launcher { prefix: vec!["setsid".into()], records: folder.to_owned() }
    }

    fn spec(folder: &Path, script: &str) -> Spec {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        Spec { name: "proxy".into(), argv, environment: Vec::new(), secrets: Vec::new(), log: folder.join("log") }
    }

    fn kept(folder: &Path, script: &str) -> (Kept, Found) {
        let record = Record::all(folder).pop();
        Kept::new(Duty::Proxy, spec(folder, script), GRACE, record, clock::now())
    }

    /// Looks until something has changed, at a moment of the test's own.
    async fn change(kept: &mut Kept, folder: &Path, now: Moment) -> Change {
        let looking = async {
            loop {
                if let Some(change) = kept.step(now, &launcher(folder), true) {
                    return change;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looking).await.unwrap()
    }

    /// Waits until the process has said that it is ready.
    async fn ready(folder: &Path) {
        let ready = async {
            while !std::fs::read_to_string(folder.join("log")).is_ok_and(|log| log.contains("ready")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ready).await.unwrap();
    }

    #[tokio::test]
    async fn what_dies_is_started_again_when_its_wait_is_over_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (mut kept, _) = kept(folder, "exit 3");
        let now = clock::now();
        assert!(matches!(change(&mut kept, folder, now).await, Change::Started { restarts: 0, .. }));
        let Change::Died { how, wait, deaths: 1 } = change(&mut kept, folder, now).await else { panic!("it died") };
        assert_eq!(how, "ended with exit code 3");
        assert_eq!(kept.step(now + wait - Duration::from_millis(1), &launcher(folder), true), None);
        assert_eq!(kept.trouble(now).unwrap(), "proxy ended with exit code 3 and is started again in 500ms");
        assert!(matches!(kept.step(now + wait, &launcher(folder), true), Some(Change::Started { restarts: 1, .. })));
        assert_eq!(kept.trouble(now), None);
    }

    #[tokio::test]
    async fn a_replacement_is_no_death_and_follows_the_end_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (mut kept, _) = kept(folder, "exec sleep 1000");
        let now = clock::now();
        let Change::Started { pid: old, .. } = change(&mut kept, folder, now).await else { panic!("it was started") };
        kept.replace(spec(folder, "exec sleep 2000"), now);
        assert!(!kept.was_started());
        assert_eq!(change(&mut kept, folder, now).await, Change::Ended { after: Duration::ZERO, killed: false });
        let Change::Started { pid: new, restarts: 0 } = change(&mut kept, folder, now).await else { panic!("it was started") };
        assert!(new != old && kept.was_started());
        assert!(kept.end(now));
        change(&mut kept, folder, now).await;
        assert!(kept.is_over() && Record::all(folder).is_empty());
    }

    #[tokio::test]
    async fn what_does_not_end_when_asked_is_killed_when_its_grace_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (mut kept, _) = kept(folder, "trap '' TERM; echo ready; while :; do sleep 0.01; done");
        let now = clock::now();
        change(&mut kept, folder, now).await;
        ready(folder).await;
        kept.end(now);
        assert_eq!(kept.step(now + GRACE - Duration::from_millis(1), &launcher(folder), true), None);
        assert_eq!(change(&mut kept, folder, now + GRACE).await, Change::Ended { after: GRACE, killed: true });
    }

    #[tokio::test]
    async fn a_clock_that_is_set_keeps_nobody_waiting_and_kills_nobody_sooner() {
        const HOUR_MS: i64 = 3_600_000;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (mut kept, _) = kept(folder, "exit 3");
        let now = clock::now();
        change(&mut kept, folder, now).await;
        let Change::Died { wait, .. } = change(&mut kept, folder, now).await else { panic!("it died") };
        assert_eq!(kept.since(), None);
        kept.clock_was_set(-HOUR_MS);
        let by_the_new_clock = moved(now, -HOUR_MS) + wait;
        assert_eq!(kept.step(by_the_new_clock - Duration::from_millis(1), &launcher(folder), true), None);
        assert!(matches!(kept.step(by_the_new_clock, &launcher(folder), true), Some(Change::Started { .. })));
        // An hour on the clock is no life that has settled.
        kept.clock_was_set(HOUR_MS * 3);
        let now = moved(now, HOUR_MS * 2) + wait;
        assert_eq!(kept.since(), Some(now), "it has just been started");
        assert!(matches!(change(&mut kept, folder, now).await, Change::Died { deaths: 2, .. }));
        kept.replace(spec(folder, "trap '' TERM; echo ready; while :; do sleep 0.01; done"), now);
        change(&mut kept, folder, now).await;
        ready(folder).await;
        kept.end(now);
        kept.clock_was_set(HOUR_MS);
        let now = moved(now, HOUR_MS);
        assert_eq!(kept.step(now + GRACE - Duration::from_millis(1), &launcher(folder), true), None);
        assert!(matches!(kept.stage, Stage::Ending { killed: false, .. }), "it has its whole grace: {:?}", kept.stage);
        assert_eq!(change(&mut kept, folder, now + GRACE).await, Change::Ended { after: GRACE, killed: true });
    }

    #[tokio::test]
    async fn the_next_up_keeps_the_same_and_replaces_what_is_wanted_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (mut first, found) = kept(folder, "exec sleep 1000");
        assert_eq!(found, Found::Nothing);
        let now = clock::now();
        let Change::Started { pid, .. } = change(&mut first, folder, now).await else { panic!("it was started") };
        assert_eq!(kept(folder, "exec sleep 1000").1, Found::Same(pid));
        let (_, found) = kept(folder, "exec sleep 2000");
        assert_eq!(found, Found::Other);
        // It was asked to end by the last look, and its record stays: then it has ended while nobody looked.
        let record = Record::all(folder).pop().unwrap();
        change(&mut first, folder, now).await;
        record.write(folder).unwrap();
        assert_eq!(kept(folder, "exec sleep 1000").1, Found::Gone);
    }
}
