//! Where deploys and switches are asked for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use super::cluster::Cluster;
use super::gate::Glance;
use super::orders::{
    Act, DeployEnd, DeployLease, DeployOrder, GateReport, LONGEST_DEPLOY, ProberState, Refusal, RefusalKind, SwitchEvent, SwitchOrder,
};
use super::switch::{Progress, Switch, count_from_zero};
use super::targets::{CONTROL, FRONT_DOOR, PREVIEW};
use super::{gate, recovery};
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::switch::Phase;
use crate::proxy::control::ControlError;
use crate::store::{Asked, Entry, Intent, Lease, Standing, Step, StoreError, Taken, What};

/// The one place that begins and ends deploys and switches.
#[derive(Debug, Clone)]
pub struct Desk {
    cluster: Arc<Cluster>,
}

/// The phases of a switch as it reaches them; the last one is over, or the proxy has fallen silent.
pub type Phases = UnboundedReceiver<Result<SwitchEvent, Refusal>>;

impl Desk {
    /// For this cluster.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        count_from_zero();
        Self { cluster }
    }

    /// How everything stands.
    ///
    /// # Errors
    /// Where the journal does not answer.
    pub async fn state(&self) -> Result<ProberState, Refusal> {
        let Cluster { journal, memory, proxy, .. } = &*self.cluster;
        let answered = proxy.state().await;
        let proxy_trouble = answered.as_ref().err().map(ToString::to_string);
        let proxy = answered.ok();
        let now = clock::now();
        Ok(ProberState {
            live: proxy.as_ref().and_then(|state| state.live),
            epoch: proxy.map_or(0, |state| state.epoch),
            proxy_trouble,
            targets: ["blue", "green", FRONT_DOOR, CONTROL, PREVIEW].map(|name| memory.state(name)).to_vec(),
            watchers: memory.watchers(),
            lease: journal.lease().await.map_err(broken)?.filter(|lease| now < lease.until),
            switch: journal.last_switch().await.map_err(broken)?,
            deploy: journal.deploy_under_way(now).await.map_err(broken)?,
            expected: Some(self.cluster.expected().await.map_err(broken)?),
        })
    }

    /// Recovers what an earlier prober left unfinished. Returns when that is done, or left to the next one.
    pub async fn recover(&self) {
        let recovering = async {
            recovery::all(Arc::clone(&self.cluster)).await;
            // Whoever has ordered the proxy while there was no prober is told of now, and not by the next round.
            let Ok(state) = self.cluster.proxy.state().await else { return };
            if let Err(error) = self.cluster.reconcile(&state).await {
                tracing::warn!(%error, "the proxy is not held against the journal yet");
            }
        };
        tokio::select! {
            () = recovering => {}
            () = self.cluster.is_left() => {}
        }
    }

    /// Everything is being stopped on purpose: the switch under way stays as it stands in the journal, and nothing new is begun. What ends
    /// with us is no reason to take a switch back.
    pub fn leave(&self) {
        self.cluster.left.send_replace(true);
    }

    /// Begins a switch, which goes on by itself whether or not anybody listens.
    ///
    /// # Errors
    /// Where nothing was begun: another is under way, the live colour is undefined, the proxy or the journal does not answer.
    pub async fn switch(&self, order: SwitchOrder) -> Result<Phases, Refusal> {
        self.written()?;
        let Cluster { proxy, journal, .. } = &*self.cluster;
        let glance = async { order.force.is_none().then(|| Glance::at(&self.cluster, order.to)) };
        // The proxy first, and then the colour: they work while the journal is read.
        let (state, glance, standing) = tokio::join!(proxy.state(), glance, journal.standing(order.to));
        let Standing { lease, deploy, belief } = standing.map_err(broken)?;
        free(lease)?;
        let state = state.map_err(silent)?;
        // What somebody has done past us stands in the journal before anything new does.
        let lost = self.cluster.hold(&state, belief).await.map_err(broken)?;
        let (progress, phases) = unbounded_channel();
        if state.live == Some(order.to) {
            if let (Some(_), Some(why)) = (lost, &order.force) {
                self.cluster.take_on(&state, &order.by, why).await.map_err(broken)?;
            }
            let note = format!("{} is live already: there is nothing to do", order.to);
            // The receiver is still here.
            let _ = progress.send(Ok(SwitchEvent { at: clock::now(), phase: Phase::Done, note: Some(note) }));
            return Ok(phases);
        }
        if state.live.is_none() && order.force.is_none() {
            let error = "the live colour is undefined: make one live with allswell switch COLOUR --force REASON".to_owned();
            return Err(Refusal { kind: RefusalKind::Undefined, error });
        }
        let now = clock::now();
        let intent = Intent {
            what: What::Switch,
            asked: Asked { target: order.to, version: proven_version(deploy.as_ref()), by: order.by, forced: order.force, instances: None },
            origin: state.live,
            proxy_epoch: state.epoch,
            until: now + self.cluster.longest_switch(),
            configured: self.cluster.configured.of(order.to),
        };
        let is_unproven = deploy.is_some_and(|deploy| deploy.phase != Phase::Done);
        if is_unproven {
            // It may have replaced the instances, and nobody has seen them pass.
            self.cluster.memory.begin_anew(intent.asked.target.as_str(), now);
        }
        let begun = self.begin(intent, progress, glance.filter(|_| !is_unproven)).await;
        begun.map_err(|broken| refused(broken.to_string()))??;
        Ok(phases)
    }

    /// Takes the lease for a switch and has it carried out, whether or not anybody waits for that: what stands in the journal is not left lying.
    fn begin(&self, intent: Intent, progress: Progress, glance: Option<Glance>) -> oneshot::Receiver<Result<(), Refusal>> {
        let (desk, (begins, begun)) = (self.clone(), oneshot::channel());
        tokio::spawn(async move {
            let (entry, refused) = match desk.take(intent).await {
                Ok(entry) => (Some(entry), Ok(())),
                Err(refusal) => (None, Err(refusal)),
            };
            // Nobody needs to listen.
            let _ = begins.send(refused);
            if let Some(entry) = entry {
                carry_out(desk.cluster, entry, progress, glance).await;
            }
        });
        begun
    }

    /// Takes the lease for a deploy, a scale or a stop. Where it lowers the number of instances, fewer are expected from now on: whoever
    /// leaves then is not missing. Where it raises the number, more are expected when it has ended well.
    ///
    /// # Errors
    /// Where another is under way, another colour is live than whoever asks had in view, or the journal does not answer.
    pub async fn begin_deploy(&self, order: DeployOrder) -> Result<DeployLease, Refusal> {
        let instances = self.instances(&order).await?;
        let unproven = self.cluster.journal.unproven_deploys(order.colour).await.map_err(broken)?;
        let state = self.cluster.proxy.state().await.ok();
        self.written()?;
        free(self.cluster.journal.lease().await.map_err(broken)?)?;
        // What is refused before it is written down is not the colour's last deploy.
        as_seen(order.live, state.as_ref().and_then(|state| state.live))?;
        if let Some(state) = &state {
            self.cluster.reconcile(state).await.map_err(broken)?;
        }
        let until = clock::now() + Duration::from_millis(order.timeout_ms).min(LONGEST_DEPLOY);
        let intent = Intent {
            what: order.act.into(),
            asked: Asked { target: order.colour, version: order.version, by: order.by, forced: None, instances },
            origin: state.as_ref().and_then(|state| state.live),
            proxy_epoch: state.map_or(0, |state| state.epoch),
            until,
            configured: self.cluster.configured.of(order.colour),
        };
        let entry = self.take(intent).await?;
        self.still_as_seen(&entry, order.live).await?;
        let Entry { id, what, asked, .. } = &entry;
        if *what == What::Deploy {
            self.cluster.memory.begin_anew(asked.target.as_str(), clock::now());
        }
        self.cluster.changed.notify_one();
        tracing::info!(deploy = id, colour = %asked.target, version = asked.version, instances, by = asked.by, "{what} begins");
        Ok(DeployLease { id: entry.id, epoch: entry.epoch, until, unproven })
    }

    /// From now on nobody switches; somebody may have until now. What was idle when an order was given is then not to be touched.
    async fn still_as_seen(&self, entry: &Entry, seen: Option<Colour>) -> Result<(), Refusal> {
        if seen.is_none() {
            return Ok(());
        }
        let live = self.cluster.proxy.state().await.ok().and_then(|state| state.live);
        let Err(refusal) = as_seen(seen, live) else { return Ok(()) };
        let step = Step { phase: Phase::Refused, at: clock::now(), note: Some(refusal.error.clone()) };
        self.cluster.journal.end(entry.id, &step, None).await.map_err(broken)?;
        self.cluster.changed.notify_one();
        Err(refusal)
    }

    /// Ends a deploy and frees its lease.
    ///
    /// # Errors
    /// Where there is no such deploy under way, or the journal does not answer.
    pub async fn end_deploy(&self, id: i64, end: DeployEnd) -> Result<(), Refusal> {
        let phase = if end.ok { Phase::Done } else { Phase::Refused };
        let gone = || refused(format!("deploy {id} is not under way: its time may have been over"));
        let lease = self.cluster.journal.lease().await.map_err(broken)?;
        if lease.is_none_or(|lease| lease.entry != id || !lease.what.is_of_instances()) {
            return Err(gone());
        }
        let step = Step { phase, at: clock::now(), note: end.reason };
        tracing::info!(deploy = id, ok = end.ok, reason = step.note, "deploy ends");
        let has_ended = self.cluster.journal.end(id, &step, end.output.as_deref()).await.map_err(broken)?;
        self.cluster.changed.notify_one();
        if has_ended { Ok(()) } else { Err(gone()) }
    }

    /// How many instances the order is to give its colour; none where their number stays as it is.
    async fn instances(&self, order: &DeployOrder) -> Result<Option<u32>, Refusal> {
        self.cluster.journal.close_overdue_deploys(clock::now()).await.map_err(broken)?;
        let expected = self.cluster.expected().await.map_err(broken)?.of(order.colour);
        match (order.act, order.instances) {
            (Act::Deploy | Act::Scale, Some(instances)) => Ok(Some(instances)),
            (Act::Deploy, None) => Ok((expected == 0).then(|| self.cluster.configured.of(order.colour))),
            (Act::Scale, None) => Err(refused("a scale must say how many instances there are to be".into())),
            (Act::Stop, None | Some(0)) => Ok(Some(0)),
            (Act::Stop, Some(_)) => Err(refused("a stop leaves no instance: scale to another number".into())),
        }
    }

    /// Waits for a colour's gate. Whoever deploys it asks when its instances are replaced: what was seen before counts no more.
    ///
    /// # Errors
    /// Where the journal does not answer.
    pub async fn gate(&self, colour: Colour, within: Duration) -> Result<GateReport, Refusal> {
        let deploy = self.cluster.journal.deploy_under_way(clock::now()).await.map_err(broken)?;
        if deploy.is_some_and(|deploy| deploy.colour == colour) {
            self.cluster.memory.begin_anew(colour.as_str(), clock::now());
        }
        Ok(gate::wait(&self.cluster, colour, within, None).await)
    }

    /// Waits until the instances at these addresses (`HOST:PORT`) are fit, whatever colour they are to serve and before they do.
    pub async fn gate_at(&self, addresses: &[String], within: Duration) -> GateReport {
        gate::wait_at(&self.cluster, addresses, within).await
    }

    /// The journal, newest first.
    ///
    /// # Errors
    /// Where the journal does not answer.
    pub async fn history(&self, limit: u32) -> Result<Vec<Entry>, Refusal> {
        self.cluster.journal.history(limit).await.map_err(broken)
    }

    /// Whether every end stands in the journal: until it does, nothing new is begun, or it would be closed there by another word.
    fn written(&self) -> Result<(), Refusal> {
        match self.cluster.memory.unwritten() {
            Some(error) => Err(Refusal { kind: RefusalKind::Unreachable, error }),
            None => Ok(()),
        }
    }

    async fn take(&self, intent: Intent) -> Result<Entry, Refusal> {
        if *self.cluster.left.borrow() {
            return Err(refused("everything is being stopped".to_owned()));
        }
        self.written()?;
        match self.cluster.journal.take(intent, clock::now()).await.map_err(broken)? {
            Taken::Ours(entry) => Ok(entry),
            Taken::Locked(lease) => Err(locked(&lease)),
        }
    }
}

/// Carries out a switch that stands in the journal, unless it is left to the next prober.
async fn carry_out(cluster: Arc<Cluster>, entry: Entry, progress: Progress, glance: Option<Glance>) {
    let switch = Switch::new(Arc::clone(&cluster), entry.clone(), progress.clone()).having_seen(glance);
    let finishing = async {
        if !switch.run().await {
            recovery::one(&cluster, entry).await;
        }
    };
    tokio::select! {
        () = finishing => {}
        () = cluster.is_left() => {
            let error = "everything is being stopped: the switch stands in the journal, and the next start goes on with it".to_owned();
            tracing::warn!("{error}");
            // Nobody needs to listen.
            let _ = progress.send(Err(Refusal { kind: RefusalKind::Unreachable, error }));
        }
    }
}

/// The version that a colour was deployed with last, as far as it is proven.
fn proven_version(deploy: Option<&Entry>) -> Option<String> {
    deploy.filter(|deploy| deploy.phase == Phase::Done).and_then(|deploy| deploy.asked.version.clone())
}

/// Whether the live colour is the one that whoever asks had in view, where that is known.
fn as_seen(seen: Option<Colour>, live: Option<Colour>) -> Result<(), Refusal> {
    let Some(seen) = seen else { return Ok(()) };
    let (kind, by_now) = match live {
        Some(live) if live == seen => return Ok(()),
        Some(live) => (RefusalKind::Refused, format!("{live} is by now")),
        None => (RefusalKind::Undefined, "by now the proxy does not say what is".to_owned()),
    };
    let error = format!(
        "{seen} was live when this was asked for, and {by_now}. Nothing was changed: look again (allswell live), and type it again"
    );
    Err(Refusal { kind, error })
}

/// Whether something new may be begun, by who has the lease.
fn free(lease: Option<Lease>) -> Result<(), Refusal> {
    match lease.filter(|lease| clock::now() < lease.until) {
        Some(lease) => Err(locked(&lease)),
        None => Ok(()),
    }
}

fn locked(lease: &Lease) -> Refusal {
    Refusal { kind: RefusalKind::Locked, error: format!("{}: wait for it to end", lease.under_way(clock::now())) }
}

fn refused(error: String) -> Refusal {
    Refusal { kind: RefusalKind::Refused, error }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn silent(error: ControlError) -> Refusal {
    Refusal { kind: RefusalKind::Unreachable, error: error.to_string() }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn broken(error: StoreError) -> Refusal {
    Refusal { kind: RefusalKind::Unreachable, error: format!("the prober's journal does not work: {error}") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::cluster::tests::{cluster, serving};
    use super::*;
    use crate::domain::colour::Colour::{Blue, Green};
    use crate::proxy::control::ProxyState;

    /// Before a proxy that says one of these after the other to be live, and then the last one for ever.
    async fn desk(folder: &Path, lives: &[Option<Colour>]) -> Desk {
        let (asked, lives) = (Arc::new(AtomicUsize::new(0)), lives.to_vec());
        let say = move || {
            let live = lives[asked.fetch_add(1, Ordering::Relaxed).min(lives.len() - 1)];
            ProxyState { live, ..serving((Blue, 1)) }
        };
        Desk::new(Arc::new(cluster(folder, say).await))
    }

    /// A stop of green by whoever had this colour in view as the live one.
    fn stop_of_green(live: Option<Colour>) -> DeployOrder {
        DeployOrder { act: Act::Stop, colour: Green, version: None, instances: None, by: "ann@desk".into(), timeout_ms: 60_000, live }
    }

    #[tokio::test]
    async fn an_order_that_was_given_with_another_live_colour_in_view_is_not_begun() {
        for (live, kind, by_now) in
            [(Some(Green), RefusalKind::Refused, "green is by now"), (None, RefusalKind::Undefined, "the proxy does not say what is")]
        {
            let folder = tempfile::tempdir().unwrap();
            let desk = desk(folder.path(), &[live]).await;
            for (act, instances) in [(Act::Deploy, None), (Act::Scale, Some(0)), (Act::Stop, None)] {
                let refusal = desk.begin_deploy(DeployOrder { act, instances, ..stop_of_green(Some(Blue)) }).await.unwrap_err();
                assert_eq!(refusal.kind, kind, "{refusal:?}");
                for words in ["blue was live when this was asked for", by_now, "type it again"] {
                    assert!(refusal.error.contains(words), "{words}: {refusal:?}");
                }
            }
            assert_eq!(desk.history(9).await.unwrap(), [], "a deploy that was cut off is still the last one");
        }
    }

    #[tokio::test]
    async fn an_order_that_a_switch_overtakes_before_it_has_the_lease_ends_as_refused() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[Some(Blue), Some(Green)]).await;
        let refusal = desk.begin_deploy(stop_of_green(Some(Blue))).await.unwrap_err();
        assert!(refusal.error.contains("green is by now"), "{refusal:?}");
        let entry = desk.history(1).await.unwrap().pop().unwrap();
        assert_eq!((entry.phase, entry.reason), (Phase::Refused, Some(refusal.error)));
        assert_eq!(desk.cluster.journal.lease().await.unwrap(), None);
        assert_eq!(desk.cluster.expected().await.unwrap().of(Green), 2, "none of them is to go");
        desk.begin_deploy(stop_of_green(Some(Green))).await.expect("who types it again knows what it ends");
    }

    #[tokio::test]
    async fn whoever_deploys_hears_which_deploys_have_left_what_is_not_proven() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[Some(Blue)]).await;
        let deploy = async |ok: bool| {
            let lease = desk.begin_deploy(DeployOrder { act: Act::Deploy, ..stop_of_green(Some(Blue)) }).await.unwrap();
            desk.end_deploy(lease.id, DeployEnd { ok, reason: None, output: None }).await.unwrap();
            lease
        };
        let first = deploy(false).await;
        assert!(first.unproven.is_empty(), "{first:?}");
        assert_eq!(deploy(true).await.unproven, [first.id], "it may be that it could not be put back");
        let last = deploy(false).await;
        assert!(last.unproven.is_empty(), "{last:?}");
        assert_eq!(deploy(false).await.unproven, [last.id]);
    }

    #[tokio::test]
    async fn a_switch_is_carried_out_though_whoever_asked_for_it_has_gone_before_it_was_begun() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[Some(Blue)]).await;
        let asked = Asked { target: Green, version: None, by: "ann@desk".into(), forced: Some("a test".into()), instances: None };
        let until = clock::now() + Duration::from_secs(600);
        let intent = Intent { what: What::Switch, asked, origin: Some(Blue), proxy_epoch: 1, until, configured: 1 };
        let (progress, mut phases) = unbounded_channel();
        drop(desk.begin(intent, progress, None));
        let mut last = None;
        while let Some(said) = phases.recv().await {
            last = said.ok().map(|event| event.phase);
        }
        // This proxy takes no orders.
        assert_eq!((last, desk.cluster.journal.lease().await.unwrap()), (Some(Phase::Refused), None));
    }

    #[tokio::test]
    async fn whoever_does_not_say_what_was_live_is_asked_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[Some(Green)]).await;
        let older = r#"{"act": "stop", "colour": "green", "version": null, "by": "ann@desk", "timeout_ms": 60000}"#;
        let order: DeployOrder = serde_json::from_str(older).unwrap();
        assert_eq!(order, stop_of_green(None));
        desk.begin_deploy(order).await.unwrap();
    }
}
