//! Watches the Docker engine: its events wake us, and what they say is checked against the containers themselves at every look.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use prometheus::IntGaugeVec;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::report::Report;
use crate::clock;
use crate::config::Config;
use crate::domain::colour::Colour;
use crate::domain::container::{Container, Happening, Holds};
use crate::domain::moment::Moment;
use crate::domain::vigil::{Act, Scene, Vigil, Word};
use crate::release::Cluster;
use crate::runtime::docker::sight::Sight;
use crate::runtime::{RuntimeError, RuntimeKind};
use crate::store::{Store, StoreError, What, facts};
use crate::telemetry::metrics;

/// The fact in the prober's store: what we know, so that nothing is told twice.
const FACT: &str = "engine";
/// The pause before an engine that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(250);
/// An engine that had answered is told of after so long without an answer; a shorter time changes nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// One that never has may be on its way for so long.
const STARTING: Duration = Duration::from_secs(10);
/// What happens within this time is looked at together.
const TOGETHER: Duration = Duration::from_millis(100);
/// An end that a container shows is waited for in the events for so long, and is told then without them.
const LATE: Duration = Duration::from_secs(1);
/// So many things at most.
const MOST: usize = 50;
/// So many of its last lines stand in the news of a container's end.
const LAST_LINES: usize = 5;
/// So many of the journal's entries are looked through for what was done on purpose.
const ACTS: u32 = 50;

static ANSWERS: LazyLock<IntGaugeVec> = LazyLock::new(|| metrics::gauge("allswell_engine_answers"));
static IN_TROUBLE: LazyLock<IntGaugeVec> = LazyLock::new(|| metrics::gauge("allswell_instances_in_trouble"));

/// Watches one engine.
#[derive(Debug)]
pub(super) struct EngineWatch {
    sight: Sight,
    in_swarm: bool,
    cluster: Arc<Cluster>,
    report: Arc<Report>,
    store: Store,
    vigil: Vigil,
    saved: Vigil,
    /// By heartbeat beside the app: since when the trouble that we have told of lasts.
    told: BTreeMap<String, Moment>,
    started: Moment,
    answered_at: Option<Moment>,
    silence: Option<Silence>,
}

/// A time in which the engine does not answer.
#[derive(Debug, Clone, Copy)]
struct Silence {
    since: Moment,
    began: Duration,
    told_at: Option<Duration>,
}

impl EngineWatch {
    /// Of the engine that the config names. None: it names none.
    ///
    /// # Errors
    /// Where its address is none.
    pub(super) fn new(config: &Config, cluster: &Arc<Cluster>, report: &Arc<Report>, store: &Store) -> Result<Option<Self>, RuntimeError> {
        let Some(address) = &config.prober.engine else { return Ok(None) };
        Ok(Some(Self {
            sight: Sight::new(address, &config.app.name)?,
            in_swarm: matches!(config.runtime.kind, RuntimeKind::Swarm(_)),
            cluster: Arc::clone(cluster),
            report: Arc::clone(report),
            store: store.clone(),
            vigil: Vigil::default(),
            saved: Vigil::default(),
            told: BTreeMap::new(),
            started: clock::now(),
            answered_at: None,
            silence: None,
        }))
    }

    /// Watches until `ended` says true. Then what happens is no business of ours until the next start.
    pub(super) async fn run(mut self, mut ended: watch::Receiver<bool>) {
        if let Err(error) = self.remember().await {
            tracing::warn!(%error, "what was known of the engine cannot be read: it is looked at anew");
        }
        tokio::select! {
            () = self.watch() => {}
            // The sender is gone: that is an end as well.
            _ = ended.wait_for(|ended| *ended) => {}
        }
        self.vigil.heard_until = None;
        self.save().await;
    }

    async fn watch(&mut self) {
        loop {
            let Err(why) = self.attend().await;
            self.miss(&why.to_string());
            sleep(PAUSE).await;
        }
    }

    /// Follows the engine's events, and looks at an interval besides, until it does not answer or ends the stream.
    async fn attend(&mut self) -> Result<Infallible, RuntimeError> {
        // The engine tells again what has happened since: so nothing is missed between two streams, or before the first look.
        let mut happenings = pin!(self.sight.happenings(self.vigil.heard_until.unwrap_or(self.started))?);
        let mut pace = interval(self.cluster.probe.every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let first = tokio::select! {
                next = happenings.next() => Some(next),
                _ = pace.tick() => None,
            };
            if let Some(first) = first {
                self.vigil.happened(first.ok_or_else(ended)??);
            }
            for _ in 0..MOST {
                let Ok(next) = timeout(TOGETHER, happenings.next()).await else { break };
                self.vigil.happened(next.ok_or_else(ended)??);
            }
            let containers = if self.in_swarm { self.sight.slots().await? } else { self.sight.containers().await? };
            // Of a slot's end it never tells: that may be another node's.
            if !self.in_swarm {
                self.hear_of(&containers, &mut happenings).await?;
            }
            self.look(containers).await?;
        }
    }

    /// What a container shows may be there before the events that say why.
    async fn hear_of(
        &mut self,
        containers: &[Container],
        happenings: &mut (impl Stream<Item = Result<Happening, RuntimeError>> + Unpin),
    ) -> Result<(), RuntimeError> {
        let told = async {
            while self.vigil.has_still_to_hear_of(containers) {
                self.vigil.happened(happenings.next().await.ok_or_else(ended)??);
            }
            Ok(())
        };
        timeout(LATE, told).await.unwrap_or(Ok(()))
    }

    /// Takes in what everything shows, and tells it.
    async fn look(&mut self, containers: Vec<Container>) -> Result<(), RuntimeError> {
        let nodes = if self.in_swarm { Some(self.sight.missing_nodes().await?) } else { None };
        let acts = match self.acts().await {
            Ok(acts) => acts,
            // The round of probes tells that; without the journal nobody knows what was done on purpose.
            Err(error) => {
                tracing::warn!(%error, "the journal does not work");
                return Ok(());
            }
        };
        let now = clock::now();
        let outage = self.silence.take().filter(|silence| silence.told_at.is_some()).map(|silence| silence.since);
        let every = self.cluster.probe.every;
        let passed = Colour::BOTH.map(|colour| self.cluster.memory.last(colour.as_str()).filter(|last| last.passed()).map(|last| last.at));
        let scene = Scene { now, acts: &acts, outage, passed, steady: every * self.cluster.probe.rise, patience: every * 2 };
        self.vigil.look(containers, &scene);
        for (name, id) in self.vigil.without_last_words() {
            let lines = self.sight.last_lines(&id, LAST_LINES).await;
            self.vigil.keep_last_words(&name, lines);
        }
        self.answered_at = Some(now);
        ANSWERS.with_label_values::<&str>(&[]).set(1);
        self.report.tell_of_engine("engine", None, None);
        if let Some(missing) = nodes {
            let why: Vec<String> = missing.iter().map(|(name, why)| format!("{name} {why}")).collect();
            self.report.tell_of_engine("nodes", None, (!why.is_empty()).then(|| (why.join("; "), now)));
        }
        self.tell(&self.vigil.words(&scene));
        self.save().await;
        Ok(())
    }

    fn tell(&mut self, words: &[Word]) {
        for colour in Colour::BOTH {
            let in_trouble = words.iter().filter(|word| word.colour == colour && word.trouble.is_some()).count();
            IN_TROUBLE.with_label_values(&[colour.as_str()]).set(i64::try_from(in_trouble).unwrap_or(i64::MAX));
        }
        for Word { colour, name, holds, runs, trouble } in words {
            match (holds, trouble) {
                (Holds::App, trouble) => self.report.tell_of_engine(&format!("instances-{colour}"), Some(name), trouble.clone()),
                // That it is well it says itself; while it runs, its end is told once.
                (Holds::Heartbeat { instance }, Some((why, since))) => {
                    if self.told.insert(name.clone(), *since) != Some(*since) || !runs {
                        let why = format!("the heartbeat's container {why}");
                        self.report.tell_of_engine(&format!("heartbeat-{colour}"), Some(instance), Some((why, *since)));
                    }
                }
                (Holds::Heartbeat { .. }, None) => drop(self.told.remove(name)),
            }
        }
    }

    /// The engine does not answer: tells it when that has lasted, and at an interval from then on.
    fn miss(&mut self, why: &str) {
        let now = clock::elapsed();
        let answered_at = self.answered_at;
        let silence =
            self.silence.get_or_insert_with(|| Silence { since: answered_at.unwrap_or_else(clock::now), began: now, told_at: None });
        let patience = if answered_at.is_some() { PATIENCE } else { STARTING };
        let is_due = silence.told_at.is_none_or(|told_at| now.saturating_sub(told_at) >= self.cluster.probe.every);
        if now.saturating_sub(silence.began) < patience || !is_due {
            return;
        }
        if silence.told_at.is_none() {
            tracing::warn!(why, engine = self.sight.address(), "the engine does not answer");
        }
        silence.told_at = Some(now);
        let since = silence.since;
        ANSWERS.with_label_values::<&str>(&[]).set(0);
        let words = format!("the engine at {} does not answer: {why}", self.sight.address());
        self.report.tell_of_engine("engine", None, Some((words, since)));
    }

    /// What was done to each colour on purpose.
    async fn acts(&self) -> Result<Vec<Act>, StoreError> {
        let entries = self.cluster.journal.history(ACTS).await?;
        let act = |what, act| match what {
            What::Deploy | What::Scale | What::Stop => Some(act),
            What::Switch => None,
        };
        let acts = entries
            .into_iter()
            .filter_map(|entry| act(entry.what, Act { colour: entry.asked.target, from: entry.started_at, until: entry.ended_at }));
        Ok(acts.collect())
    }

    async fn remember(&mut self) -> Result<(), StoreError> {
        let mut connection = self.store.read().await?;
        self.saved = facts::get(&mut connection, FACT).await?.unwrap_or_default();
        self.vigil = self.saved.clone().remembered();
        Ok(())
    }

    /// Written only where something has changed. What cannot be written is looked at anew after a restart.
    async fn save(&mut self) {
        if self.vigil == self.saved {
            return;
        }
        let write = async {
            let mut transaction = self.store.begin().await?;
            facts::set(&mut transaction, FACT, &self.vigil).await?;
            transaction.commit().await
        };
        match write.await {
            Ok(()) => self.saved = self.vigil.clone(),
            Err(error) => tracing::warn!(%error, "what is known of the engine cannot be written"),
        }
    }
}

fn ended() -> RuntimeError {
    RuntimeError::Silent("it ended its stream of events".to_owned())
}
