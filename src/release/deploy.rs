//! The deploy, told as a story: lease, cut, replace, gate, end. The live colour is never touched, unless it is the one that was asked for.

use std::time::Duration;

use super::orders::{Act, DeployEnd, DeployLease, DeployOrder, GateReport};
use super::remote::{Remote, RemoteError};
use crate::domain::colour::Colour;
use crate::proxy::control::ProxyControl;
use crate::runtime::process::control::{InstanceState, ReplaceOrder, UpControl, UpError};

/// What is to be deployed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The colour whose instances are replaced.
    pub colour: Colour,
    /// The version that they get; none: the same as before.
    pub version: Option<String>,
    /// Who asks: user and host.
    pub by: String,
    /// Whether what is still running on the colour may be cut first.
    pub cut: bool,
    /// How long the new instances have to become fit to go live.
    pub within: Duration,
    /// When it is over at the latest: until then the colour's checks are quiet.
    pub timeout: Duration,
}

/// Who does the work.
#[derive(Debug)]
pub struct Hands {
    /// Holds the lease, and the gate.
    pub prober: Remote,
    /// Replaces the instances.
    pub up: UpControl,
    /// Cuts what is still running on them.
    pub proxy: ProxyControl,
}

/// What has been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nobody else deploys or switches until this has ended.
    Leased,
    /// The new instances are started: how many.
    Replaced(usize),
    /// The gate is open.
    Fit,
}

/// How a deploy ended that did what was asked.
#[derive(Debug)]
pub struct Deployed {
    /// The new instances.
    pub instances: Vec<InstanceState>,
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
    /// The supervisor refused or is silent.
    #[error("{0}")]
    Up(#[from] UpError),
    /// The new instances did not become fit in time.
    #[error("the gate stayed shut: {}", .0.why)]
    Unfit(GateReport),
    /// It was interrupted.
    #[error("interrupted: the instances may be the new ones, and are not proven")]
    Interrupted,
}

/// Deploys, and says each stage as it is reached. `interrupted` ends the wait, never the bookkeeping.
///
/// # Errors
/// Where the new instances are not proven fit: see [`DeployError`].
pub async fn deploy(
    hands: &Hands,
    plan: &Plan,
    interrupted: impl Future<Output = ()>,
    mut each: impl FnMut(Stage),
) -> Result<Deployed, DeployError> {
    // Asked before the lease is taken: who cannot replace anything need not keep others out.
    hands.up.state().await?;
    let lease = hands.prober.begin_deploy(&order(plan)).await?;
    each(Stage::Leased);
    let replaced = tokio::select! {
        replaced = replace_and_prove(hands, plan, &mut each) => replaced,
        () = interrupted => Err(DeployError::Interrupted),
    };
    let unfreed = end(hands, &lease, replaced.as_ref().err()).await;
    let (instances, gate) = replaced?;
    each(Stage::Fit);
    Ok(Deployed { instances, gate, unfreed })
}

fn order(plan: &Plan) -> DeployOrder {
    let timeout_ms = u64::try_from(plan.timeout.as_millis()).unwrap_or(u64::MAX);
    DeployOrder { act: Act::Deploy, colour: plan.colour, version: plan.version.clone(), instances: None, by: plan.by.clone(), timeout_ms }
}

async fn replace_and_prove(
    hands: &Hands,
    plan: &Plan,
    each: &mut impl FnMut(Stage),
) -> Result<(Vec<InstanceState>, GateReport), DeployError> {
    if plan.cut {
        // A proxy that refuses or is silent is no reason to keep the old instances: they end either way.
        let _ = hands.proxy.cut(plan.colour).await;
    }
    let order = ReplaceOrder { colour: plan.colour, version: plan.version.clone() };
    let state = hands.up.replace(&order).await?;
    let instances: Vec<InstanceState> = state.colour(plan.colour).cloned().collect();
    each(Stage::Replaced(instances.len()));
    let gate = hands.prober.gate(plan.colour, plan.within).await?;
    if gate.open { Ok((instances, gate)) } else { Err(DeployError::Unfit(gate)) }
}

async fn end(hands: &Hands, lease: &DeployLease, failed: Option<&DeployError>) -> Option<RemoteError> {
    let end = DeployEnd { ok: failed.is_none(), reason: failed.map(ToString::to_string) };
    hands.prober.end_deploy(lease, &end).await.err()
}
