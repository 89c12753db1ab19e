//! What was observed, told to everybody: memory, metrics, the day's file, the watchers, and our own telling.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec};
use uuid::Uuid;

use super::link::Link;
use super::telling::Telling;
use crate::clock;
use crate::domain::beat::{Beat, BeatKind, Health, Identity, Live, Showing};
use crate::domain::gate::Observation;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::probe::Probed;
use crate::release::Memory;
use crate::telemetry::day_log::PartLog;
use crate::telemetry::{LogSettings, metrics};

static PROBES: LazyLock<IntCounterVec> = LazyLock::new(|| metrics::counter("allswell_probes_total"));
static SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| metrics::histogram("allswell_probe_seconds"));

/// Tells everybody.
#[derive(Debug)]
pub(super) struct Report {
    memory: Arc<Memory>,
    links: Vec<Arc<Link>>,
    telling: Arc<Telling>,
    sender: Sender,
    log: PartLog,
}

/// Who beats.
#[derive(Debug)]
struct Sender {
    instance: String,
    run: Uuid,
    sequence: AtomicU64,
    every: Duration,
}

/// Whether a bad answer of a target that was never seen passing is an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// It is.
    All,
    /// It is not: everything is only just starting.
    PassesOnly,
}

impl Report {
    pub(super) fn new(memory: Arc<Memory>, links: Vec<Arc<Link>>, telling: Arc<Telling>, every: Duration, log: &LogSettings) -> Self {
        let instance = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let sender = Sender { instance, run: Uuid::new_v4(), sequence: AtomicU64::new(0), every };
        let log = PartLog::new(log);
        Self { memory, links, telling, sender, log }
    }

    /// Every watcher.
    pub(super) fn links(&self) -> &[Arc<Link>] {
        &self.links
    }

    /// Remembers what was seen of a target, unless it does not count. Gives the observation if it counts.
    pub(super) fn remember<'a>(&self, target: &str, probed: &'a Probed, counting: Counting) -> Option<&'a Observation> {
        let showing = probed.observation().map_or("unable", |seen| word(seen.showing));
        PROBES.with_label_values(&[target, showing]).inc();
        let seen = probed.observation()?;
        SECONDS.with_label_values(&[target]).observe(Duration::from_millis(seen.latency_ms).as_secs_f64());
        if counting == Counting::PassesOnly && !seen.passed() && !self.memory.has_passed(target) {
            return None;
        }
        self.memory.note(target, seen);
        Some(seen)
    }

    /// Tells every watcher and our own telling what a check showed. The observation has been remembered under the check's name.
    pub(super) fn tell(&self, check: &str, seen: &Observation) {
        let beat = self.observed(check, seen);
        if let Some(colour) = Role::of(check).colour() {
            self.log.append(colour.as_str(), seen);
        }
        for link in &self.links {
            link.push(beat.clone());
        }
        self.telling.hear(beat);
    }

    /// Tells the other watchers, and our own telling, how a watcher is.
    pub(super) fn tell_of_watcher(&self, watcher: &Link, seen: &Observation) {
        let beat = self.observed(watcher.name(), seen);
        for link in self.links.iter().filter(|link| link.name() != watcher.name()) {
            link.push(beat.clone());
        }
        self.telling.hear(Beat { check: watcher.own_check(self.links.len()), ..beat });
    }

    /// The prober's own all's well, after a round; or why the round could not be done.
    pub(super) fn all_is_well(&self, live: Live, unable: Option<String>) {
        let mut beat = match unable {
            None => self.beat("prober", BeatKind::Success, None),
            Some(why) => self.beat("prober", BeatKind::Fail, Some(Health::not_good(Showing::Bad, why))),
        };
        beat.live = Some(live);
        for link in &self.links {
            link.push(beat.clone());
        }
        self.telling.hear(beat);
    }

    /// Tells every watcher and our own telling what the engine knows: of a check, by the name of the instance that it is about. None: of the
    /// check as a whole. The reason, and since when; none is well.
    pub(super) fn tell_of_engine(&self, check: &str, instance: Option<&str>, trouble: Option<(String, Moment)>) {
        let (kind, health) = match trouble {
            None => (BeatKind::Success, None),
            Some((why, since)) => {
                let told = self.telling.told(check);
                (BeatKind::Fail, Some(Health { since: Some(since), told, ..Health::not_good(Showing::Exited, why) }))
            }
        };
        let mut beat = self.beat(check, kind, health);
        if let Some(instance) = instance {
            beat.identity.instance = instance.to_owned();
        }
        for link in &self.links {
            link.push(beat.clone());
        }
        self.telling.hear(beat);
    }

    /// What is expected or under way has changed, between two rounds: it vouches for nothing.
    pub(super) fn changed(&self, live: Live) {
        let beat = Beat { live: Some(live), ..self.beat("prober", BeatKind::Log, None) };
        for link in &self.links {
            link.push(beat.clone());
        }
        self.telling.hear(beat);
    }

    /// Instead of an all's well: we did not run for a time, and the next round says how things are. The watchers tell our silence.
    pub(super) fn held_up(&self) {
        let health = Health::not_good(Showing::Bad, "it was held up: it did not run for a time");
        let beat = self.beat("prober", BeatKind::Log, Some(health));
        for link in &self.links {
            link.push(beat.clone());
        }
    }

    /// Why the prober's own store does not work; none where it does.
    pub(super) fn store_trouble(&self) -> Option<String> {
        self.telling.trouble()
    }

    fn observed(&self, check: &str, seen: &Observation) -> Beat {
        let since = self.memory.weak_since(check);
        let kind = if seen.passed() { BeatKind::Success } else { BeatKind::Fail };
        let health = Health {
            showing: seen.showing,
            latency_ms: Some(seen.latency_ms),
            reason: seen.reason.clone(),
            since,
            told: self.telling.told(check),
        };
        self.beat(check, kind, Some(health))
    }

    fn beat(&self, check: &str, kind: BeatKind, health: Option<Health>) -> Beat {
        let sequence = self.sender.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        Beat {
            every_ms: u64::try_from(self.sender.every.as_millis()).ok(),
            colour: Role::of(check).colour(),
            health,
            ..Beat::new(check, kind, Identity { instance: self.sender.instance.clone(), run: self.sender.run, sequence }, clock::now())
        }
    }
}

fn word(showing: Showing) -> &'static str {
    match showing {
        Showing::Good => "good",
        Showing::Slow => "slow",
        Showing::Bad => "bad",
        Showing::Exited => "exited",
    }
}
