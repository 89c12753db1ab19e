//! What the prober tells by itself: everything while no watcher acknowledges it, and always how a switch ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::link::Link;
use super::outcome;
use super::stall::Stall;
use crate::clock;
use crate::config::Config;
use crate::domain::beat::{Beat, Showing};
use crate::domain::check::Check;
use crate::domain::follow_up::Plan;
use crate::domain::moment::Moment;
use crate::domain::schedule::Schedule;
use crate::domain::sent::Sent;
use crate::monitor::{Arrived, Expected, Ingest, IngestError, Keep, Loops, Monitor, MonitorError, MonitorSettings};
use crate::notify::Channel;
use crate::services::expected::{channel_rules, instances as counted, of_engine};
use crate::store::{Journal, Store};

/// So many beats wait for the store at most; the next ones are dropped, and the prober says that its store does not work.
const QUEUE: usize = 512;
/// Whether watchers acknowledge, and whether a switch has ended, is looked at so often.
const PACE: Duration = Duration::from_millis(250);
/// What a watcher has acknowledged it tells within this time, or is no watcher.
const WATCHERS_TIME: Duration = Duration::from_secs(10);

/// The prober's own telling: an engine like the watcher's, on the prober's own store.
#[derive(Debug)]
pub(super) struct Telling {
    monitor: Monitor,
    waiting: mpsc::Sender<Beat>,
    seen: Mutex<Seen>,
    stall: Arc<Stall>,
}

/// What others ask it without waiting.
#[derive(Debug, Default)]
struct Seen {
    trouble: Option<String>,
    /// By check that is not well now.
    told: BTreeMap<String, Vec<String>>,
}

/// The work behind it, before it runs.
#[derive(Debug)]
pub(super) struct Work {
    telling: Arc<Telling>,
    beats: mpsc::Receiver<Beat>,
    ingest: Ingest,
    loops: Loops,
    minder: Minder,
}

/// Who decides whether the prober tells.
#[derive(Debug)]
struct Minder {
    telling: Arc<Telling>,
    monitor: Monitor,
    journal: Journal,
    links: Vec<Arc<Link>>,
    every: Duration,
    fall: u32,
    /// In elapsed time.
    started: Duration,
    tells: bool,
}

impl Telling {
    /// On the prober's own store, for these watchers.
    pub(super) fn new(config: &Config, store: &Store, links: &[Arc<Link>], stall: Arc<Stall>) -> (Arc<Self>, Work) {
        let channels: Vec<Channel> = config
            .channels
            .iter()
            .filter_map(|settings| {
                Channel::new(settings)
                    .map_err(|error| {
                        tracing::warn!(channel = settings.name, %error, "the prober cannot tell by this channel");
                    })
                    .ok()
            })
            .collect();
        let monitor = Monitor::new(store.clone(), settings(config, links, &channels));
        let (ingest, loops) = monitor.loops(channels);
        let (waiting, beats) = mpsc::channel(QUEUE);
        let telling = Arc::new(Self { monitor: monitor.clone(), waiting, seen: Mutex::default(), stall });
        let minder = Minder {
            telling: Arc::clone(&telling),
            monitor,
            journal: Journal::new(store.clone()),
            links: links.to_vec(),
            every: config.probe.every,
            fall: config.probe.fall,
            started: clock::elapsed(),
            tells: false,
        };
        (Arc::clone(&telling), Work { telling, beats, ingest, loops, minder })
    }

    /// Hears what was observed. Waits for nothing.
    pub(super) fn hear(&self, beat: Beat) {
        let mut seen = self.seen();
        if beat.health.as_ref().is_some_and(|health| health.showing != Showing::Good) {
            seen.told.entry(beat.check.clone()).or_default();
        } else {
            seen.told.remove(&beat.check);
        }
        if self.waiting.try_send(beat).is_err() {
            seen.trouble = Some("too many observations wait for it".to_owned());
        }
    }

    /// The channels that were told, by us, of the check's present trouble.
    pub(super) fn told(&self, check: &str) -> Vec<String> {
        self.seen().told.get(check).cloned().unwrap_or_default()
    }

    /// Why the prober's store does not work; none where it does.
    pub(super) fn trouble(&self) -> Option<String> {
        self.seen().trouble.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn store(&self, ingest: &Ingest, beats: Vec<Beat>) {
        let arrived = |beat| Arrived {
            key_id: "prober".to_owned(),
            beat,
            arrival: self.monitor.arrivals().arrive(clock::now),
            sent: Sent::default(),
        };
        let began = clock::elapsed();
        let answers = join_all(beats.into_iter().map(|beat| ingest.beat(arrived(beat)))).await;
        let trouble = answers.into_iter().find_map(|answer| match answer {
            Ok(_) | Err(IngestError::UnknownCheck(_)) => None,
            Err(error @ (IngestError::Refused(_) | IngestError::Unavailable(_) | IngestError::NameTaken(_) | IngestError::TooMany(_))) => {
                Some(error.to_string())
            }
        });
        // Whoever did not run waited for nothing.
        self.seen().trouble = trouble.filter(|_| !self.stall.since(began));
    }

    /// Looks up who was told of what is not well.
    async fn look_up_told(&self) -> anyhow::Result<()> {
        let weak: Vec<String> = self.seen().told.keys().cloned().collect();
        for check in weak {
            let channels = self.monitor.told(&check).await?;
            if let Some(told) = self.seen().told.get_mut(&check) {
                *told = channels;
            }
        }
        Ok(())
    }

    /// The store is the prober's alone.
    async fn start(&self) -> Result<(), MonitorError> {
        self.monitor.release_claims().await?;
        self.monitor.start(clock::now()).await
    }
}

impl Work {
    /// Runs until `stop` says true; what was told by then is in the store.
    ///
    /// # Errors
    /// Where a loop of the monitor ends before that.
    pub(super) async fn run(self, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let Self { telling, mut beats, ingest, loops, mut minder } = self;
        while let Err(error) = telling.start().await {
            telling.seen().trouble = Some(error.to_string());
            sleep(Duration::from_secs(1)).await;
        }
        telling.monitor.set_telling(false);
        let mut stopping = stop.clone();
        let hearing = async {
            let mut batch = Vec::new();
            while beats.recv_many(&mut batch, QUEUE).await > 0 {
                telling.store(&ingest, std::mem::take(&mut batch)).await;
            }
        };
        let work = async {
            tokio::select! {
                ((), ()) = async { tokio::join!(hearing, minder.run()) } => {}
                // The sender is gone: that is a stop as well.
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        };
        let mut looping = tokio::spawn(loops.run(stop));
        tokio::select! {
            () = work => {}
            ended = &mut looping => return Ok(ended??),
        }
        // The loops end when nothing more can be handed in.
        drop(ingest);
        looping.await??;
        if let Err(error) = telling.monitor.stop(clock::now()).await {
            tracing::warn!(%error, "the end is not written down");
        }
        Ok(())
    }
}

impl Minder {
    /// Until when a watcher was heard, or could not be: we had not started, or did not run. In elapsed time: a clock that is set back would have us
    /// silent while no watcher acknowledges.
    fn heard_until(&self, acknowledged: Option<Duration>) -> Duration {
        acknowledged.unwrap_or(self.started).max(self.telling.stall.ended_at().unwrap_or(self.started))
    }

    async fn run(&mut self) {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let monitor = self.monitor.clone();
            if let Err(error) = monitor.dated(|now| self.mind(clock::elapsed(), now)).await {
                tracing::warn!(%error, "the prober's store does not work");
            }
        }
    }

    /// Decides who tells, and writes what is to be told of switches that have ended.
    async fn mind(&mut self, elapsed: Duration, now: Moment) -> anyhow::Result<()> {
        let acknowledged = self.links.iter().filter_map(|link| link.heard().acknowledged).max();
        let tells = elapsed.saturating_sub(self.heard_until(acknowledged)) > self.every * 3;
        if tells != self.tells {
            tracing::warn!(
                tells,
                "{}",
                if tells { "no watcher acknowledges: the prober tells" } else { "a watcher acknowledges: it tells" }
            );
            self.monitor.set_telling(tells);
        }
        if let (false, Some(acknowledged)) = (tells, acknowledged) {
            // On its return a watcher hears everything anew; otherwise it has had its time.
            let before = if self.tells { now } else { clock::ago(acknowledged) - WATCHERS_TIME };
            self.monitor.withdraw_older(before, now).await?;
        }
        self.tells = tells;
        for (check, since) in self.links.iter().flat_map(|link| link.taken_over(self.fall)) {
            if self.monitor.hand_over(&check, since, now).await? {
                tracing::info!(check, "a watcher tells the end of it");
            }
        }
        self.telling.look_up_told().await?;
        for entry in self.journal.untold().await? {
            let notices = outcome::notices(&entry, self.monitor.settings(), now);
            self.journal.tell(entry.id, &notices, now).await?;
            // Something is due: the courier looks.
            self.monitor.set_telling(tells);
        }
        Ok(())
    }
}

/// The prober expects what it probes, and itself.
fn settings(config: &Config, links: &[Arc<Link>], channels: &[Channel]) -> MonitorSettings {
    let is_there = |name: &String| channels.iter().any(|channel| channel.name() == name);
    let named = if config.prober.channels.is_empty() { config.built_in_channels() } else { config.prober.channels.clone() };
    let own: Vec<String> = named.into_iter().filter(is_there).collect();
    let probe = &config.probe;
    let check = |rise, fall| Check { schedule: Schedule::Every(probe.every), grace: probe.grace(), rise, fall, apart: None };
    let expected = |name: &str, check: Check| Expected {
        name: name.to_owned(),
        check,
        channels: own.clone(),
        instances: counted(config, name),
        plan: Plan::default(),
        behind: Vec::new(),
    };
    let mut checks: Vec<Expected> =
        ["blue", "green", "proxy", "preview"].into_iter().map(|name| expected(name, check(probe.rise, probe.fall))).collect();
    checks.push(expected("prober", check(1, 1)));
    checks.extend(of_engine(config).into_iter().map(|(name, check)| expected(&name, check)));
    // Down by three intervals at the latest, however patient the config is with an app.
    let watcher = check(1, probe.fall.min(3));
    checks.extend(links.iter().map(|link| expected(&link.own_check(links.len()), watcher.clone())));
    let mut rules = channel_rules(config);
    rules.retain(|rule| is_there(&rule.name));
    for rule in &mut rules {
        // The watcher says the channel's all's well.
        rule.say = None;
    }
    MonitorSettings {
        name: "prober".to_owned(),
        app: config.app.name.clone(),
        page_url: Some(config.watcher.page_url()),
        checks: checks.into_iter().collect(),
        channels: rules,
        own_channels: own,
        own_plan: Plan::default(),
        maintenance: config.maintenance.clone(),
        most_made: 0,
        keep: Keep { log: Duration::from_secs(90 * 86_400), beats: Duration::from_secs(3_600) },
        strangers_after: Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::beat::{BeatKind, Identity};

    /// A prober's work on a store of its own.
    async fn work() -> (tempfile::TempDir, Arc<Stall>, Work) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:p.db", folder.path()).await.unwrap();
        let config = Config::parse("[runtime]\ncommand = \"x\"").unwrap().config;
        let stall = Arc::new(Stall::new());
        let (_, work) = Telling::new(&config, &store, &[], Arc::clone(&stall));
        (folder, stall, work)
    }

    #[tokio::test]
    async fn a_time_in_which_we_did_not_run_is_none_in_which_no_watcher_acknowledged() {
        let (_folder, stall, work) = work().await;
        let started = work.minder.started;
        assert_eq!(work.minder.heard_until(None), started);
        assert_eq!(work.minder.heard_until(Some(started + PACE)), started + PACE);
        let returned = started + PACE * 100;
        stall.note(returned);
        assert_eq!(work.minder.heard_until(Some(started + PACE)), returned);
    }

    #[tokio::test]
    async fn a_commit_that_did_not_come_while_we_did_not_run_is_no_trouble_of_the_store() {
        let (_folder, stall, work) = work().await;
        // Nobody commits anything.
        drop(work.loops);
        let identity = Identity { instance: "one".into(), run: Uuid::new_v4(), sequence: 1 };
        let beat = Beat::new("blue", BeatKind::Success, identity, clock::now());
        work.telling.store(&work.ingest, vec![beat.clone()]).await;
        assert!(work.telling.trouble().is_some());
        stall.note(clock::elapsed() + PACE * 100);
        work.telling.store(&work.ingest, vec![beat]).await;
        assert_eq!(work.telling.trouble(), None);
    }
}
