//! The rounds: everything is probed at an interval, whether or not the last round has ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use prometheus::IntGaugeVec;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::link::Link;
use super::past;
use super::report::{Counting, Report};
use super::stall::Stall;
use crate::clock;
use crate::domain::beat::{Live, Showing};
use crate::domain::colour::Colour;
use crate::domain::entry::Entry;
use crate::domain::gate::Observation;
use crate::net::manager::ServiceManager;
use crate::probe::Probed;
use crate::proxy::control::ProxyState;
use crate::release::targets::{CONTROL, FRONT_DOOR, PREVIEW, named, worst};
use crate::release::{Cluster, WatcherState};
use crate::store::StoreError;
use crate::telemetry::metrics::{self, Rows};

/// For so long after the start, a target that was never seen passing is looked at more often.
const STARTING: Duration = Duration::from_secs(10);
/// How often.
const STARTING_PACE: Duration = Duration::from_millis(250);
/// So many entries of the journal go with each beat: a watcher that was away for a while misses none.
const TOLD_ENTRIES: u32 = 8;
/// The check that front door and control make together.
const PROXY: &str = "proxy";

static LIVE: LazyLock<IntGaugeVec> = LazyLock::new(|| metrics::gauge("allswell_live"));
static ACKNOWLEDGED: LazyLock<Rows> = LazyLock::new(|| metrics::rows("allswell_watcher_acknowledged_seconds"));

/// Looks at everything.
#[derive(Debug)]
pub(super) struct Lookout {
    cluster: Arc<Cluster>,
    report: Arc<Report>,
    stall: Arc<Stall>,
    proxy: Mutex<Option<ProxyState>>,
    round_ended_ms: AtomicU64,
}

/// One thing to look at.
#[derive(Debug, Clone)]
enum Look {
    Colour(Colour),
    Proxy,
    Preview,
    Watcher(Arc<Link>),
}

/// What came of a look.
#[derive(Debug)]
enum Looked {
    /// Everybody was told what was seen, if it counts.
    Told,
    /// It did not answer, and by then nobody else had in this round.
    Silence(Look, Probed),
    /// We could not look, and why.
    Unable(String),
}

impl Lookout {
    pub(super) fn new(cluster: Arc<Cluster>, report: Arc<Report>, stall: Arc<Stall>) -> Self {
        Self { cluster, report, stall, proxy: Mutex::default(), round_ended_ms: AtomicU64::new(elapsed_ms()) }
    }

    /// Every watcher.
    pub(super) fn links(&self) -> &[Arc<Link>] {
        self.report.links()
    }

    /// Why the prober is not well: no round has ended for three intervals.
    pub(super) fn trouble(&self) -> Option<String> {
        let since = Duration::from_millis(elapsed_ms().saturating_sub(self.round_ended_ms.load(Ordering::Relaxed)));
        let limit = self.cluster.probe.every * 3 + self.cluster.probe.timeout;
        (since > limit).then(|| format!("no round of probes has ended for {}s", since.as_secs()))
    }

    /// Rounds, for ever.
    pub(super) async fn run(self: Arc<Self>, manager: ServiceManager) {
        let mut tasks = JoinSet::new();
        for look in self.looks() {
            tasks.spawn(Arc::clone(&self).starting(look));
        }
        let mut pace = interval(self.cluster.probe.every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut counting = Counting::PassesOnly;
        loop {
            tokio::select! {
                _ = pace.tick() => {
                    let (lookout, manager) = (Arc::clone(&self), manager.clone());
                    tasks.spawn(async move {
                        if lookout.round(counting).await {
                            manager.alive();
                        }
                    });
                    counting = Counting::All;
                }
                () = self.cluster.changed.notified() => self.tell_what_has_changed().await,
            }
            while tasks.try_join_next().is_some() {}
        }
    }

    /// An order begins or ends: the watchers hear of it before whoever leaves with it is missed.
    async fn tell_what_has_changed(&self) {
        if let Ok(live) = self.live().await {
            self.report.changed(live);
        }
    }

    fn looks(&self) -> Vec<Look> {
        let own = [Look::Colour(Colour::Blue), Look::Colour(Colour::Green), Look::Proxy, Look::Preview];
        own.into_iter().chain(self.links().iter().cloned().map(Look::Watcher)).collect()
    }

    /// While a target was never seen passing, looks often: what has only just started is found working at once.
    async fn starting(self: Arc<Self>, look: Look) {
        let end = clock::elapsed() + STARTING;
        while clock::elapsed() < end && !self.cluster.memory.has_passed(look.name()) {
            // What we cannot see now, a round will tell.
            let _ = self.look(&look, Counting::PassesOnly, clock::elapsed()).await;
            sleep(STARTING_PACE).await;
        }
    }

    /// One full round, and then all's well: the beat comes from the work. A round in which we did not run for a time says nothing.
    /// Whether everything could be looked at: that is what a restart may mend, while a store that is full needs somebody.
    async fn round(&self, counting: Counting) -> bool {
        let began = clock::elapsed();
        let looks = self.looks();
        let done = join_all(looks.iter().map(|look| self.look(look, counting, began))).await;
        self.show_acknowledgements();
        let mut unable: Vec<String> = self.tell_of_silence(done, counting, began).into_iter().collect();
        let has_looked = unable.is_empty();
        let live = self.live().await;
        unable.extend(live.as_ref().err().map(|(_, error)| format!("its journal does not work: {error}")));
        unable.extend(self.cluster.memory.unwritten());
        unable.extend(self.report.store_trouble().map(|why| format!("its store does not work: {why}")));
        unable.dedup();
        self.round_ended_ms.store(elapsed_ms(), Ordering::Relaxed);
        if self.stall.since(began) {
            self.report.held_up();
            return has_looked;
        }
        let unable = (!unable.is_empty()).then(|| unable.join("; "));
        if let Some(why) = &unable {
            tracing::error!(why, "the round could not be done");
        }
        self.report.all_is_well(live.unwrap_or_else(|(live, _)| live), unable);
        has_looked
    }

    /// The end of a round: who was silent is told, unless nobody at all was heard: that is told of ourselves, but for the first round, in which
    /// everything is only just starting. Why we could not look.
    fn tell_of_silence(&self, done: Vec<Looked>, counting: Counting, began: Duration) -> Vec<String> {
        let mut unable = Vec::new();
        let mut silent = Vec::new();
        for looked in done {
            match looked {
                Looked::Told => {}
                Looked::Unable(why) => unable.push(format!("it cannot probe: {why}")),
                Looked::Silence(look, probed) => silent.push((look, probed)),
            }
        }
        if silent.is_empty() || self.hears_since(began) {
            for (look, probed) in &silent {
                self.tell(look, probed, counting);
            }
        } else if counting == Counting::All {
            let names = silent.iter().map(|(look, _)| look.name()).collect::<Vec<_>>().join(", ");
            unable.push(format!("it hears nobody, not even a refusal: it is cut off, or all of them are gone ({names})"));
        }
        unable
    }

    /// Whether anybody at all answered or refused since then.
    fn hears_since(&self, began: Duration) -> bool {
        self.cluster.targets.http().heard_at().is_some_and(|heard| heard >= began)
    }

    /// Looks at one thing and tells what it saw. Silence is told at the end of the round: while nobody is heard it may be our own deafness.
    async fn look(&self, look: &Look, counting: Counting, began: Duration) -> Looked {
        let probed = match look {
            Look::Colour(colour) => self.cluster.targets.colour(*colour).await,
            Look::Preview => self.cluster.targets.preview().await,
            Look::Proxy => self.see_proxy(counting).await,
            Look::Watcher(link) => self.see_watcher(link).await,
        };
        // A colour that is stopped on purpose is looked at for the gate alone.
        if let Look::Colour(colour) = look
            && self.is_stopped(Some(*colour)).await
        {
            self.report.remember(look.name(), &probed, counting);
        } else if probed.observation().is_some_and(|seen| !seen.passed()) && !self.hears_since(began) {
            return Looked::Silence(look.clone(), probed);
        } else {
            self.tell(look, &probed, counting);
        }
        match probed {
            Probed::Observed(_) => Looked::Told,
            Probed::Unable(why) => Looked::Unable(why),
        }
    }

    fn tell(&self, look: &Look, probed: &Probed, counting: Counting) {
        match (self.report.remember(look.name(), probed, counting), look) {
            (Some(seen), Look::Watcher(link)) => self.report.tell_of_watcher(link, seen),
            (Some(seen), Look::Colour(_) | Look::Proxy | Look::Preview) => self.report.tell(look.name(), seen),
            (None, _) => {}
        }
    }

    /// Whether this colour expects no instance. What the journal does not say is not so.
    async fn is_stopped(&self, colour: Option<Colour>) -> bool {
        let Some(colour) = colour else { return false };
        self.cluster.expected().await.is_ok_and(|expected| expected.of(colour) == 0)
    }

    async fn see_proxy(&self, counting: Counting) -> Probed {
        let ((control, state), front_door) = tokio::join!(self.cluster.targets.control(), self.cluster.targets.front_door());
        let front_door = front_door.probed;
        if let Some(answers) = state.as_ref().and_then(|state| state.answers) {
            self.cluster.memory.note_answers(clock::elapsed(), answers);
        }
        let control = self.as_journalled(control, state.as_ref()).await;
        self.report.remember(CONTROL, &control, counting);
        self.report.remember(FRONT_DOOR, &front_door, counting);
        let live = state.as_ref().and_then(|state| state.live);
        if control.observation().is_some() {
            for colour in Colour::BOTH {
                LIVE.with_label_values(&[colour.as_str()]).set(i64::from(live == Some(colour)));
            }
            *self.proxy.lock().unwrap_or_else(PoisonError::into_inner) = state;
        }
        let control = with_name(control, CONTROL);
        // Behind the front door of a live colour that is stopped on purpose is nobody.
        if self.is_stopped(live).await { control } else { worst(with_name(front_door, FRONT_DOOR), control) }
    }

    /// A proxy that serves what it served long ago is as bad as one that does not know what is live.
    async fn as_journalled(&self, control: Probed, state: Option<&ProxyState>) -> Probed {
        let (Probed::Observed(seen), Some(state)) = (&control, state) else { return control };
        match self.cluster.reconcile(state).await {
            Ok(None) => control,
            Ok(Some(lost)) => Probed::Observed(Observation { showing: Showing::Bad, reason: Some(lost), ..seen.clone() }),
            Err(error) => {
                tracing::warn!(%error, "the proxy is not held against the journal in this round");
                control
            }
        }
    }

    /// A watcher that the config no longer names has no row.
    fn show_acknowledgements(&self) {
        let now = clock::elapsed();
        ACKNOWLEDGED.show(self.links().iter().map(|link| (vec![link.name().to_owned()], link.unacknowledged(now).as_secs_f64().floor())));
    }

    /// A watcher is well when it says so and takes our beats.
    async fn see_watcher(&self, link: &Link) -> Probed {
        let mut probed = self.cluster.targets.http().probe(&link.healthz()).await;
        let heard = link.heard();
        let ago = heard.acknowledged.map(|at| clock::elapsed().saturating_sub(at));
        let healthy = probed.observation().is_some_and(Observation::passed);
        self.cluster.memory.note_watcher(WatcherState { url: link.url().to_owned(), acknowledged_at: heard.acknowledged_at(), healthy });
        // One beat that is refused is not a watcher that takes none.
        let takes = ago.is_some_and(|ago| ago <= self.cluster.probe.every * 2);
        if let (Probed::Observed(seen), Some(trouble)) = (&mut probed, heard.trouble)
            && seen.passed()
            && !takes
        {
            *seen = Observation { showing: Showing::Bad, reason: Some(format!("it takes no beats: {trouble}")), ..seen.clone() };
        }
        probed
    }

    /// What is live, and what is under way as far as the journal says it.
    ///
    /// # Errors
    /// What is live, and why the journal says nothing.
    async fn live(&self) -> Result<Live, (Live, StoreError)> {
        let proxy = self.proxy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (colour, epoch) = proxy.map_or((None, 0), |state| (state.live, state.epoch));
        let live = Live { colour, epoch, ..Live::default() };
        match self.journalled(live.clone()).await {
            Ok(whole) => Ok(whole),
            Err(error) => Err((live, error)),
        }
    }

    async fn journalled(&self, live: Live) -> Result<Live, StoreError> {
        let (now, journal) = (clock::now(), &self.cluster.journal);
        journal.close_overdue_deploys(now).await?;
        let last = journal.last_switch().await?;
        past::show(journal, last.as_ref()).await?;
        let phase = last.map(|entry| entry.phase);
        let (deploy, expected) = (journal.deploy_under_way(now).await?, Some(self.cluster.expected().await?));
        let newest = journal.history(TOLD_ENTRIES).await?;
        let journal = newest.into_iter().map(|entry| Entry { output: None, ..entry }).collect();
        Ok(Live { phase, deploy, expected, journal, ..live })
    }
}

impl Look {
    fn name(&self) -> &str {
        match self {
            Self::Colour(colour) => colour.as_str(),
            Self::Proxy => PROXY,
            Self::Preview => PREVIEW,
            Self::Watcher(link) => link.name(),
        }
    }
}

fn with_name(probed: Probed, name: &str) -> Probed {
    match probed {
        Probed::Observed(seen) => Probed::Observed(named(seen, name)),
        unable @ Probed::Unable(_) => unable,
    }
}

fn elapsed_ms() -> u64 {
    u64::try_from(clock::elapsed().as_millis()).unwrap_or(u64::MAX)
}
