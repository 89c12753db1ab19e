//! The deploy, told as a story: lease, replace, gate, keep or put back, end. The live colour is never touched, unless it is the one that was
//! asked for.

use std::sync::OnceLock;
use std::time::Duration;

use super::limit::Limit;
use super::orders::{Act, DeployEnd, DeployLease, DeployOrder, GateReport};
use super::patience::patiently;
use super::remote::{Remote, RemoteError};
use crate::domain::colour::Colour;
use crate::domain::moment::humane;
use crate::proxy::ProxyDriver;
use crate::runtime::driver::Driver;
use crate::runtime::{Instance, Pending, Release, RuntimeError, Step, Tell};

/// What is to be deployed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The colour whose instances are replaced.
    pub colour: Colour,
    /// The version that they get; none: the same as before.
    pub version: Option<String>,
    /// The image that they run; none: the config's, or the same as before.
    pub image: Option<String>,
    /// Who asks: user and host.
    pub by: String,
    /// The live colour, as whoever asks had it in view; none is undefined.
    pub live: Option<Colour>,
    /// How long the new instances have to become fit to go live.
    pub within: Duration,
    /// When it is over at the latest: until then the colour's checks are quiet.
    pub timeout: Duration,
    /// How much of that is kept for putting back.
    pub spare: Duration,
}

impl Plan {
    /// Whether the colour is known to be idle: then what is still running on the replaced instances may be cut.
    fn is_idle(&self) -> bool {
        self.live.is_some_and(|live| live != self.colour)
    }

    fn order(&self) -> DeployOrder {
        DeployOrder {
            act: Act::Deploy,
            colour: self.colour,
            version: self.version.clone(),
            instances: None,
            by: self.by.clone(),
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            live: self.live,
        }
    }
}

/// Who does the work.
#[derive(Debug)]
pub struct Hands {
    /// Holds the lease, and the gate.
    pub prober: Remote,
    /// Replaces the instances.
    pub driver: Driver,
    /// Cuts what is still running on them.
    pub proxy: ProxyDriver,
    /// What it has cut, in words, for the journal.
    cut: OnceLock<String>,
}

impl Hands {
    /// These, and nothing cut yet.
    #[must_use]
    pub fn new(prober: Remote, driver: Driver, proxy: ProxyDriver) -> Self {
        Self { prober, driver, proxy, cut: OnceLock::new() }
    }
}

/// What has been reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Nobody else deploys or switches until this has ended.
    Leased,
    /// What the runtime reached.
    Runtime(Step),
    /// The new instances are started: how many.
    Replaced(usize),
    /// The gate is open.
    Fit,
    /// They were not fit, or an earlier deploy was cut off before it knew, and all is as it was before: what was done for that.
    PutBack(String),
}

/// How a deploy ended that did what was asked.
#[derive(Debug)]
pub struct Deployed {
    /// The new instances.
    pub instances: Vec<Instance>,
    /// What the gate saw.
    pub gate: GateReport,
    /// Why the lease could not be freed, if so; it frees itself at the end of the deploy's time.
    pub unfreed: Option<RemoteError>,
}

/// Why a deploy did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The prober refused or is silent.
    #[error("{0}")]
    Prober(#[from] RemoteError),
    /// The runtime refused or is silent.
    #[error("{0}")]
    Runtime(#[from] RuntimeError),
    /// The new instances did not become fit in time: what the gate saw, and what each of them said last.
    #[error("the gate stayed shut: {}", .0.why)]
    Unfit(GateReport, Vec<(String, Vec<String>)>),
    /// A new instance has ended for good: why, and what each of them said last.
    #[error("{0}")]
    Fallen(String, Vec<(String, Vec<String>)>),
    /// It was interrupted while the runtime was asked what there is.
    #[error("interrupted before anything was begun")]
    Unbegun,
    /// It was interrupted.
    #[error("interrupted: the instances may be the new ones, and are not proven")]
    Interrupted,
    /// It was ended before its time was over, with enough of it left to put back. The whole of its time.
    #[error("its time was over: of [runtime] deploy_timeout = {} only what putting back may need was left", humane(*.0))]
    TimeOver(Duration),
    /// All was done, and somebody had closed the order before it could say so: what the prober said.
    #[error("it was done, and the journal says otherwise: {0}")]
    Closed(String),
}

/// How many of an instance's last lines a refusal tells.
pub(super) const LAST_LINES: usize = 8;

/// What is said where the time was over first.
pub(super) const NOT_PUT_BACK: &str = "it could not be put back: its time was over";

/// Deploys, and says each stage as it is reached. `interrupted` ends the wait, never the bookkeeping. So does the end of its time: by then
/// others may be at it.
///
/// # Errors
/// Where the new instances are not proven fit: see [`DeployError`].
pub async fn deploy(
    hands: &Hands,
    plan: &Plan,
    interrupted: impl Future<Output = ()>,
    each: &(dyn Fn(Stage) + Sync),
) -> Result<Deployed, DeployError> {
    tokio::pin!(interrupted);
    // Asked before the lease is taken: who cannot replace anything need not keep others out.
    tokio::select! {
        found = hands.driver.instances() => drop(found?),
        () = &mut interrupted => return Err(DeployError::Unbegun),
    }
    let limit = Limit::from_now(plan.timeout, plan.spare);
    let lease = hands.prober.begin_deploy(&plan.order()).await?;
    each(Stage::Leased);
    let release = release(plan, &lease);
    let replaced = tokio::select! {
        biased;
        () = limit.work_is_over() => Err(DeployError::TimeOver(plan.timeout)),
        () = &mut interrupted => Err(DeployError::Interrupted),
        replaced = anew(hands, plan, &lease, &release, each) => replaced,
    };
    let put_back = if replaced.is_err() { put_back(hands, &release, limit, each).await } else { None };
    let ended = end(hands, &lease, replaced.as_ref().err().map(ToString::to_string), put_back).await;
    let (mut instances, gate) = replaced?;
    let unfreed = unless_closed(ended).map_err(DeployError::Closed)?;
    instances.retain(|instance| instance.colour == plan.colour);
    Ok(Deployed { instances, gate, unfreed })
}

fn release(plan: &Plan, lease: &DeployLease) -> Release {
    Release { deploy: lease.id, colour: plan.colour, version: plan.version.clone(), image: plan.image.clone(), serves: !plan.is_idle() }
}

/// Whatever comes now stands on what was proven last.
async fn anew(
    hands: &Hands,
    plan: &Plan,
    lease: &DeployLease,
    release: &Release,
    each: &(dyn Fn(Stage) + Sync),
) -> Result<(Vec<Instance>, GateReport), DeployError> {
    for deploy in &lease.unproven {
        let unproven = Release { deploy: *deploy, ..release.clone() };
        let done = hands.driver.undo_unproven(&unproven, &|step| each(Stage::Runtime(step))).await?;
        if !done.is_empty() {
            each(Stage::PutBack(done));
        }
    }
    replace_and_prove(hands, plan, release, each).await
}

async fn replace_and_prove(
    hands: &Hands,
    plan: &Plan,
    release: &Release,
    each: &(dyn Fn(Stage) + Sync),
) -> Result<(Vec<Instance>, GateReport), DeployError> {
    let tell = |step| each(Stage::Runtime(step));
    let beside = hands.driver.starts_beside();
    if plan.is_idle() && !beside {
        cut(hands, plan.colour).await;
    }
    let pending = hands.driver.replace(release, &tell).await?;
    each(Stage::Replaced(pending.instances.len()));
    let gate = prove(hands, plan, release, &pending, &tell).await?;
    each(Stage::Fit);
    if plan.is_idle() && beside {
        cut(hands, plan.colour).await;
    }
    Ok((hands.driver.keep(release, &tell).await?, gate))
}

/// One that has ended for good is not waited for.
async fn prove(hands: &Hands, plan: &Plan, release: &Release, pending: &Pending, tell: Tell<'_>) -> Result<GateReport, DeployError> {
    let last_lines = || hands.driver.last_lines(plan.colour, LAST_LINES);
    tokio::select! {
        biased;
        why = hands.driver.fallen(release, tell) => Err(DeployError::Fallen(why, last_lines().await)),
        gate = hands.prober.gate(plan.colour, plan.within, &pending.at) => {
            let gate = gate?;
            if gate.open { Ok(gate) } else { Err(DeployError::Unfit(gate, last_lines().await)) }
        }
    }
}

/// A proxy that refuses or is silent is no reason to keep the old instances: they end either way.
pub(super) async fn cut(hands: &Hands, colour: Colour) {
    let load = hands.proxy.load(colour).await.unwrap_or_default();
    if hands.proxy.cut(colour).await.is_ok() && load.in_flight + load.streams > 0 {
        // A second cut finds what the first has left: nothing.
        let _ = hands.cut.set(format!("{} requests and {} streams were cut", load.in_flight, load.streams));
    }
}

/// What is not put back when others may be at it is left to the next deploy.
async fn put_back(hands: &Hands, release: &Release, limit: Limit, each: &(dyn Fn(Stage) + Sync)) -> Option<String> {
    let tell = |step| each(Stage::Runtime(step));
    let done = tokio::select! {
        biased;
        () = limit.lease_is_over() => NOT_PUT_BACK.to_owned(),
        done = patiently(&tell, || hands.driver.put_back(release, &tell)) => match done {
            Ok(done) if done.is_empty() => return None,
            Ok(done) => done,
            Err(error) => format!("it could not be put back: {error}"),
        },
    };
    each(Stage::PutBack(done.clone()));
    Some(done)
}

/// Frees the lease, and keeps in the journal how it ended: why not, what was put back, and what the user's own commands said.
pub(super) async fn end(hands: &Hands, lease: &DeployLease, failed: Option<String>, put_back: Option<String>) -> Option<RemoteError> {
    let ok = failed.is_none();
    let output = hands.driver.output();
    // Its lines stand in the output.
    let first = |text: String| if output.is_some() { text.lines().next().unwrap_or_default().to_owned() } else { text };
    let told: Vec<String> = failed
        .map(&first)
        .into_iter()
        .chain(put_back.map(|what| format!("put back: {}", first(what))))
        .chain(hands.cut.get().cloned())
        .collect();
    let end = DeployEnd { ok, reason: (!told.is_empty()).then(|| told.join("\n")), output };
    hands.prober.end_deploy(lease, &end).await.err()
}

/// Why the lease could not be freed, if so.
///
/// # Errors
/// What the prober said, where it has no such order under way any more: the journal does not have it as done.
pub(super) fn unless_closed(ended: Option<RemoteError>) -> Result<Option<RemoteError>, String> {
    match ended {
        Some(RemoteError::Refused(why)) => Err(why),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::net::UnixListener;

    use super::*;
    use crate::files::StateDir;
    use crate::proxy::control::ProxyControl;
    use crate::runtime::process::driver::ProcessDriver;

    fn plan(live: Option<Colour>) -> Plan {
        Plan {
            colour: Colour::Green,
            version: None,
            image: None,
            by: String::new(),
            live,
            within: Duration::ZERO,
            timeout: Duration::ZERO,
            spare: Duration::ZERO,
        }
    }

    #[tokio::test]
    async fn whoever_is_told_to_end_before_anything_is_begun_waits_for_no_runtime() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        // It takes connections, and says nothing.
        let _up = UnixListener::bind(state.up_socket()).unwrap();
        let limit = Duration::from_secs(20);
        let prober = Remote::new("127.0.0.1:1", "token".to_owned(), limit);
        let proxy = ProxyDriver::Embedded(ProxyControl::new(&state.proxy_socket(), limit));
        let hands = Hands::new(prober, Driver::Process(ProcessDriver::new(state, limit)), proxy);
        let ended = deploy(&hands, &plan(Some(Colour::Blue)), ready(()), &|_| ()).await;
        assert!(matches!(ended, Err(DeployError::Unbegun)), "{ended:?}");
    }

    #[test]
    fn what_is_idle_by_what_was_seen_may_be_cut_and_the_order_says_what_was_seen() {
        for (live, is_idle) in [(Some(Colour::Blue), true), (Some(Colour::Green), false), (None, false)] {
            assert_eq!((plan(live).is_idle(), plan(live).order().live), (is_idle, live), "{live:?}");
        }
    }

    #[test]
    fn only_a_prober_that_knows_of_no_such_order_has_closed_it() {
        assert!(matches!(unless_closed(None), Ok(None)));
        assert!(matches!(unless_closed(Some(RemoteError::Unreachable("silent".into()))), Ok(Some(RemoteError::Unreachable(_)))));
        assert_eq!(unless_closed(Some(RemoteError::Refused("not under way".into()))).unwrap_err(), "not under way");
    }
}
