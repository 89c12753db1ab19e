//! One switch, from the journal's intent to its end.

use std::future::ready;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{sleep, timeout};

use super::cluster::Cluster;
use super::criteria::Criteria;
use super::drain::drain;
use super::gate::Glance;
use super::hooks::{Doing, When};
use super::orders::{Refusal, RefusalKind, SwitchEvent};
use super::proof::Proof;
use super::watch::{self, Amiss, Watch};
use super::{end, further, gate};
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::moment::humane;
use crate::domain::shift::{Became, Before, Held, Sight, became, way_back};
use crate::domain::switch::{Phase, SKIPPED};
use crate::probe::Probed;
use crate::proxy::control::{ControlError, ProxyState, ShiftOrder};
use crate::store::{Entry, Step, StoreError};
use crate::telemetry::metrics;

/// How often a proxy is asked again.
const PACE: Duration = Duration::from_millis(100);
/// How long we ask a proxy that did not answer what has become of our order: no order is begun later.
const ASKING: Duration = Duration::from_secs(10);

static SWITCHES: LazyLock<IntCounterVec> = LazyLock::new(|| metrics::counter("allswell_switches_total"));
static PHASES: LazyLock<HistogramVec> = LazyLock::new(|| metrics::histogram("allswell_switch_phase_seconds"));

/// Where the phases of a switch are said; nobody needs to listen.
pub(super) type Progress = UnboundedSender<Result<SwitchEvent, Refusal>>;

/// A switch that stands in the journal and has the lease.
pub(super) struct Switch {
    cluster: Arc<Cluster>,
    entry: Entry,
    progress: Progress,
    /// What the colours had answered when the shift was made; none before it, and where that is not known.
    before: Option<Before>,
    /// What was seen of the colour since the order.
    glance: Option<Glance>,
    /// Whoever looks first once it is shifted; none where that is not before its turn.
    proof: Option<Proof>,
    /// What hooks had to say since the last phase was written down.
    told: Vec<String>,
}

/// How a switch can end.
enum Ending {
    /// As asked.
    Done,
    /// Nothing was changed.
    Refused(String),
    /// It was taken back.
    Reverted(String),
    /// It should have been taken back and could not.
    Stayed(String),
    /// Somebody else has ordered the proxy since: it is left as it is.
    Overtaken(String),
    /// The proxy fell silent over the shift: only asking it again can tell.
    Unknown(String),
}

/// What came of an order to the proxy.
enum Shift {
    /// It is done.
    Done(ProxyState),
    /// It is not done, and will not be.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

/// Whoever reads the metrics finds every outcome and phase, also before the first switch: a rate needs a zero to rise from.
pub(super) fn count_from_zero() {
    for outcome in Phase::ENDS {
        SWITCHES.with_label_values(&[outcome.as_str()]).inc_by(0);
    }
    for phase in Phase::ALL {
        PHASES.with_label_values(&[phase.as_str()]);
    }
}

impl Switch {
    /// Of this entry.
    pub(super) fn new(cluster: Arc<Cluster>, entry: Entry, progress: Progress) -> Self {
        Self { cluster, entry, progress, before: None, glance: None, proof: None, told: Vec::new() }
    }

    /// The same with a first look at the colour, which may open the gate.
    pub(super) fn having_seen(self, glance: Option<Glance>) -> Self {
        Self { glance, ..self }
    }

    /// The whole story. False where nobody knows how it ended: then it must be recovered.
    pub(super) async fn run(mut self) -> bool {
        let ending = self.story().await;
        self.end(ending).await
    }

    /// The rest of the story, of a switch that was found with the proxy on the new colour under `epoch`; `before` is what the journal says of the
    /// answers until then.
    pub(super) async fn resume(mut self, stands_at: Phase, epoch: u64, before: Option<Before>) -> bool {
        (self.entry.epoch, self.before) = (epoch, before);
        let ending = self.on_or_back(stands_at).await;
        self.end(ending).await
    }

    /// The end of a switch whose shift never happened.
    pub(super) async fn interrupt(self, why: String) {
        self.write_end(Phase::Interrupted, Some(why)).await;
    }

    async fn story(&mut self) -> Ending {
        self.say(Phase::Intended, None);
        if let Err(why) = self.up_to_the_shift().await {
            return Ending::Refused(why);
        }
        // No hook is called in between: it may be what makes the colour fit to be seen.
        if !self.cluster.settings.hooks.iter().any(|hook| matches!(hook.at, (When::After, Doing::Shift) | (When::Before, Doing::Verify))) {
            self.proof = Some(Proof::of_a_shift_to_come(&self.cluster, (self.target(), self.entry.epoch)));
        }
        match self.shift().await {
            Shift::Done(state) => {
                self.before = watch::before(&state, self.target(), &self.cluster.memory);
                self.on_or_back(Phase::Gated).await
            }
            Shift::Refused(why) => Ending::Refused(why),
            Shift::Unknown(why) => Ending::Unknown(why),
        }
    }

    async fn up_to_the_shift(&mut self) -> Result<(), String> {
        self.before(Doing::Gate).await?;
        self.pass_the_gate().await?;
        self.after(Doing::Gate).await;
        let skipped = self.entry.asked.forced.as_ref().map(|why| format!("{SKIPPED}: {why}"));
        self.reach(Phase::Gated, skipped).await?;
        self.before(Doing::Shift).await
    }

    /// Calls the hooks of this moment.
    ///
    /// # Errors
    /// Why one failed: the phase is not begun.
    async fn before(&mut self, doing: Doing) -> Result<(), String> {
        let cluster = Arc::clone(&self.cluster);
        for hook in cluster.settings.hooks.iter().filter(|hook| hook.at == (When::Before, doing)) {
            self.told.push(hook.call(&self.entry).await?);
            // Who knows what it has done: the colour is looked at again.
            self.glance = None;
        }
        Ok(())
    }

    /// Calls the hooks of this moment. What fails is told.
    async fn after(&mut self, doing: Doing) {
        let cluster = Arc::clone(&self.cluster);
        for hook in cluster.settings.hooks.iter().filter(|hook| hook.at == (When::After, doing)) {
            let came = hook.call(&self.entry).await;
            if let Err(why) = &came {
                tracing::warn!(switch = self.entry.id, why, "a hook failed");
            }
            self.told.push(came.unwrap_or_else(|why| why));
        }
    }

    /// A note, with what hooks had to say.
    fn noted(&mut self, note: Option<String>) -> Option<String> {
        let lines: Vec<String> = note.into_iter().chain(std::mem::take(&mut self.told)).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    async fn on_or_back(&mut self, stands_at: Phase) -> Ending {
        match self.on(stands_at).await {
            Ok(()) => Ending::Done,
            Err(Amiss::Bad(why)) => self.back(why).await,
            Err(Amiss::Overtaken(by)) => Ending::Overtaken(by),
        }
    }

    /// Everything after the shift. Each phase is in the journal before the next begins; only the proof's first looks may be ahead.
    async fn on(&mut self, stands_at: Phase) -> Result<(), Amiss> {
        let mut proof = self.proof.take().unwrap_or_else(|| Proof::new(&self.cluster, (self.target(), self.entry.epoch)));
        if matches!(stands_at, Phase::Gated) {
            self.acknowledge(&mut proof).await?;
            self.after(Doing::Shift).await;
        }
        if !matches!(stands_at, Phase::Verified | Phase::Drained) {
            self.before(Doing::Verify).await?;
            proof.whole().await?;
            self.reach(Phase::Verified, None).await?;
            self.after(Doing::Verify).await;
        }
        let cluster = Arc::clone(&self.cluster);
        let mut watch = Watch::new(&cluster, (self.target(), self.entry.epoch), self.before);
        if !matches!(stands_at, Phase::Drained) {
            self.before(Doing::Drain).await?;
            // A colour that turns bad while the old requests finish is not watched turning bad.
            let left = tokio::select! {
                left = drain(&cluster, self.target().other()) => left,
                amiss = watch.until_amiss() => return Err(amiss),
            };
            self.reach(Phase::Drained, left).await?;
            self.after(Doing::Drain).await;
        }
        self.before(Doing::Observe).await?;
        watch.over(self.cluster.settings.observe).await?;
        self.after(Doing::Observe).await;
        Ok(())
    }

    fn target(&self) -> Colour {
        self.entry.asked.target
    }

    async fn pass_the_gate(&mut self) -> Result<(), String> {
        if self.entry.asked.forced.is_some() {
            return Ok(());
        }
        let within = self.cluster.settings.within;
        let glance = self.glance.take();
        self.probes_pass(within, glance).await?;
        let Criteria { heartbeats, smoke, .. } = &self.cluster.settings.gate;
        if *heartbeats {
            further::heartbeats(&self.cluster, self.target(), within).await?;
        }
        if smoke.is_empty() && !heartbeats {
            return Ok(());
        }
        further::smoke(&self.cluster, self.target()).await?;
        // That took its time: the newest probe may be too old by now.
        self.probes_pass(within, None).await
    }

    async fn probes_pass(&self, within: Duration, glance: Option<Glance>) -> Result<(), String> {
        let report = gate::wait(&self.cluster, self.target(), within, glance).await;
        if report.open { Ok(()) } else { Err(format!("the gate of {} stayed shut for {}: {}", self.target(), humane(within), report.why)) }
    }

    async fn shift(&self) -> Shift {
        let order = ShiftOrder { to: self.target(), epoch: self.entry.epoch };
        let by = Some(self.entry.asked.by.as_str());
        let still_ours = async { self.held().await.map_err(|error| format!("the journal: {error}"))?.may_shift(clock::now()) };
        match self.cluster.proxy.shift_for(order, by, still_ours).await {
            Ok(state) => Shift::Done(state),
            Err(error @ (ControlError::Stale(_) | ControlError::Refused(_) | ControlError::Withdrawn(_))) => {
                Shift::Refused(error.to_string())
            }
            Err(error @ (ControlError::Silent(..) | ControlError::Unknown(_))) => {
                match timeout(self.patience(), self.settle(order)).await {
                    Ok(Shift::Refused(_)) => Shift::Refused(error.to_string()),
                    Ok(settled @ Shift::Done(_)) => settled,
                    Ok(Shift::Unknown(_)) | Err(_) => Shift::Unknown(error.to_string()),
                }
            }
        }
    }

    /// Who has the lease by now: we may have been stopped for longer than it lasts.
    async fn held(&self) -> Result<Held, StoreError> {
        Ok(match self.cluster.journal.lease().await? {
            Some(lease) if lease.entry == self.entry.id => Held::Ours(lease.until),
            Some(lease) => Held::Others(lease.to_string()),
            None => Held::Nobody,
        })
    }

    /// The same where it is to be taken back: a journal that does not work says nothing of anybody else.
    async fn held_as_far_as_known(&self) -> Held {
        self.held().await.unwrap_or(Held::Ours(clock::now()))
    }

    /// Finds out what has become of an order that was not answered, and sees to it that a late one does nothing.
    async fn settle(&self, order: ShiftOrder) -> Shift {
        let begun = clock::elapsed();
        while clock::elapsed().saturating_sub(begun) < ASKING {
            if let Ok(state) = self.cluster.proxy.state().await {
                // A fence of ours that was not answered may have come there.
                let ours = self.cluster.journal.entry(self.entry.id).await.ok().flatten().map_or(order.epoch, |entry| entry.epoch);
                match became((order.to, order.epoch), ours, (state.live, state.epoch)) {
                    Became::Done => return Shift::Done(state),
                    Became::Overtaken => return Shift::Refused(String::new()),
                    Became::Fence if self.fence(state.epoch).await.is_ok() => return Shift::Refused(String::new()),
                    Became::Fence => {}
                }
            }
            sleep(PACE).await;
        }
        Shift::Unknown(String::new())
    }

    /// How long an end is waited for: an order that was begun in time is heard to its end.
    fn patience(&self) -> Duration {
        ASKING + self.cluster.proxy.longest_order()
    }

    /// Orders the old colour under a new epoch, so that an order of ours which is still under way is stale when it arrives.
    pub(super) async fn fence(&self, proxy_epoch: u64) -> Result<(), String> {
        let Some(old) = self.entry.origin else { return Ok(()) };
        let epoch = self.cluster.journal.new_epoch(self.entry.id, proxy_epoch).await.map_err(|error| error.to_string())?;
        let order = ShiftOrder { to: old, epoch };
        self.cluster.proxy.shift(order, ready(Ok(()))).await.map(drop).map_err(|error| error.to_string())
    }

    async fn back(&mut self, why: String) -> Ending {
        tracing::warn!(to = %self.target(), why, "taking the switch back");
        let (held, old) = tokio::join!(self.held_as_far_as_known(), self.sight_of_the_old());
        let old = match way_back(self.entry.origin, &held, &old) {
            Ok(old) => old,
            Err(stays) => return Ending::Stayed(format!("{why}; {stays}")),
        };
        match timeout(self.patience(), self.shift_back(old)).await {
            Ok(Ok(())) => Ending::Reverted(why),
            Ok(Err(lost)) => Ending::Stayed(format!("{why}; not taken back, for {lost}")),
            Err(_) => Ending::Stayed(format!("{why}; not taken back, for the proxy does not obey")),
        }
    }

    async fn sight_of_the_old(&self) -> Sight {
        match self.cluster.targets.colour(self.target().other()).await {
            Probed::Observed(seen) if seen.passed() => Sight::Passes,
            Probed::Observed(seen) => Sight::Fails(seen.reason.unwrap_or_default()),
            Probed::Unable(ours) => Sight::Unseen(ours),
        }
    }

    async fn shift_back(&mut self, old: Colour) -> Result<(), String> {
        let mut seen = self.entry.epoch;
        let begun = clock::elapsed();
        while clock::elapsed().saturating_sub(begun) < ASKING {
            if let Ok(state) = self.cluster.proxy.state().await {
                seen = seen.max(state.epoch);
            }
            // Without a journal the way back is still open: its epoch is written down with the end.
            let epoch = self.cluster.journal.new_epoch(self.entry.id, seen).await.unwrap_or(seen + 1);
            let still_ours = async { self.held_as_far_as_known().await.may_go_back() };
            let shifted = self.cluster.proxy.shift(ShiftOrder { to: old, epoch }, still_ours).await;
            match shifted {
                Ok(_) => {
                    self.entry.epoch = epoch;
                    return Ok(());
                }
                Err(ControlError::Withdrawn(lost)) => return Err(lost),
                Err(error) => tracing::error!(%error, "the switch is not taken back yet"),
            }
            sleep(PACE).await;
        }
        Err("the proxy does not obey".to_owned())
    }

    /// Writes the shift down, and says it once the front door was seen too: all at the same time, where the proof can begin before its turn.
    async fn acknowledge(&mut self, proof: &mut Proof) -> Result<(), String> {
        proof.begin();
        let note = self.noted(Some(format!("{} is live, epoch {}", self.target(), self.entry.epoch)));
        let step = Step { phase: Phase::Shifted, at: clock::now(), note };
        written(self.cluster.journal.reach_shifted(self.entry.id, &step, self.before.as_ref()).await)?;
        proof.early().await;
        self.say(step.phase, step.note);
        Ok(())
    }

    async fn reach(&mut self, phase: Phase, note: Option<String>) -> Result<(), String> {
        let step = Step { phase, at: clock::now(), note: self.noted(note) };
        written(self.cluster.journal.reach(self.entry.id, &step).await)?;
        self.say(step.phase, step.note);
        Ok(())
    }

    async fn end(mut self, ending: Ending) -> bool {
        let (phase, reason) = match ending {
            Ending::Done => (Phase::Done, None),
            Ending::Refused(why) => (Phase::Refused, Some(why)),
            Ending::Reverted(why) => (Phase::Reverted, Some(why)),
            Ending::Stayed(why) => (Phase::Stayed, Some(why)),
            Ending::Overtaken(by) => (Phase::Interrupted, Some(by)),
            Ending::Unknown(why) => {
                tracing::error!(why, "nobody knows whether the proxy shifted: it is asked again until it answers");
                // The client may be gone.
                let _ = self.progress.send(Err(Refusal { kind: RefusalKind::Unreachable, error: why }));
                return false;
            }
        };
        let reason = self.noted(reason);
        self.write_end(phase, reason).await;
        true
    }

    /// Says the end that stands in the journal then: where the entry was closed meanwhile, that is not the one that was meant. Where the journal
    /// does not take it now, whoever follows hears at once what is meant.
    async fn write_end(&self, phase: Phase, reason: Option<String>) {
        let (meant, mut is_said) = (Step { phase, at: clock::now(), note: reason.clone() }, false);
        let Cluster { journal, memory, .. } = &*self.cluster;
        let stands = end::write(journal, &self.entry, &meant, |error| {
            let not_yet = format!("the end of the switch to {} ({phase}) is not in the journal yet: {error}", self.target());
            memory.note_unwritten(Some(not_yet.clone()));
            self.say_end(phase, Some(reason.map_or(not_yet.clone(), |reason| format!("{reason}; {not_yet}"))));
            is_said = true;
        });
        let Step { phase, note, .. } = stands.await;
        memory.note_unwritten(None);
        if !is_said {
            self.say_end(phase, note);
        }
    }

    fn say_end(&self, phase: Phase, note: Option<String>) {
        SWITCHES.with_label_values(&[phase.as_str()]).inc();
        self.say(phase, note);
    }

    fn say(&self, phase: Phase, note: Option<String>) {
        let at = clock::now();
        tracing::info!(switch = self.entry.id, to = %self.target(), %phase, note, "switch");
        PHASES.with_label_values(&[phase.as_str()]).observe(at.since(self.entry.started_at).as_secs_f64());
        // The client may be gone; the switch goes on.
        let _ = self.progress.send(Ok(SwitchEvent { at, phase, note }));
    }
}

/// Why a phase was not written down.
fn written(reached: Result<bool, StoreError>) -> Result<(), String> {
    match reached {
        Ok(true) => Ok(()),
        Ok(false) => Err("its entry in the journal was closed meanwhile".to_owned()),
        Err(error) => Err(format!("the journal: {error}")),
    }
}
