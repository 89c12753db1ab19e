//! What goes over the wire between the command line and the prober's control.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::beat::{DeployUnderWay, ExpectedInstances};
use crate::domain::colour::Colour;
use crate::domain::gate::Observation;
use crate::domain::moment::Moment;
use crate::domain::switch::Phase;
use crate::store::{Entry, Lease, What};

/// A deploy, a scale or a stop may not hold the lease for longer.
pub(super) const LONGEST_DEPLOY: Duration = Duration::from_secs(24 * 3_600);

/// `GET /v1/state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProberState {
    /// The live colour; none is *undefined*.
    pub live: Option<Colour>,
    /// The proxy's epoch; 0 where it could not be read.
    pub epoch: u64,
    /// Why the proxy could not be read; none where it answers.
    pub proxy_trouble: Option<String>,
    /// Everything that is probed.
    pub targets: Vec<TargetState>,
    /// Every watcher that hears the prober's beats.
    pub watchers: Vec<WatcherState>,
    /// Who deploys or switches now.
    pub lease: Option<Lease>,
    /// The last switch, over or not.
    pub switch: Option<Entry>,
    /// A deploy under way.
    pub deploy: Option<DeployUnderWay>,
    /// How many instances of each colour are expected; 0 is stopped on purpose. None: an older prober does not say.
    #[serde(default)]
    pub expected: Option<ExpectedInstances>,
}

/// One target of the prober.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetState {
    /// `blue`, `green`, `front door`, `control`, `preview`.
    pub name: String,
    /// The last probe.
    pub last: Option<Observation>,
    /// How many of the last ones have passed in a row.
    pub passes_in_a_row: u32,
    /// How many of the last ones were bad in a row.
    pub failures_in_a_row: u32,
}

/// One watcher, as the prober sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatcherState {
    /// Its URL.
    pub url: String,
    /// When it has last acknowledged a beat.
    pub acknowledged_at: Option<Moment>,
    /// Whether its `/healthz` was 200 at the last probe.
    pub healthy: bool,
}

/// `POST /v1/switch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchOrder {
    /// The colour to go live.
    pub to: Colour,
    /// Skips the gate, and why.
    pub force: Option<String>,
    /// Whether the answer goes on until the end, or until it is verified.
    pub wait: bool,
    /// Who asks: user and host.
    pub by: String,
}

/// One line of the answer to a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchEvent {
    /// When it was reached.
    pub at: Moment,
    /// The phase that was reached.
    pub phase: Phase,
    /// What is worth knowing about it.
    pub note: Option<String>,
}

/// How a switch ended, or that it is verified where that is all that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchEnd {
    /// The last phase.
    pub phase: Phase,
    /// Why.
    pub reason: Option<String>,
}

/// What is done with a colour's instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// They are replaced.
    #[default]
    Deploy,
    /// There are more or fewer of them.
    Scale,
    /// They are stopped.
    Stop,
}

impl From<Act> for What {
    fn from(act: Act) -> Self {
        match act {
            Act::Deploy => Self::Deploy,
            Act::Scale => Self::Scale,
            Act::Stop => Self::Stop,
        }
    }
}

/// `POST /v1/deploys`: takes the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployOrder {
    /// What is done. Default: deploy.
    #[serde(default)]
    pub act: Act,
    /// The colour whose instances are concerned.
    pub colour: Colour,
    /// The version that they get.
    pub version: Option<String>,
    /// How many there are to be. None: as many as before, or as configured where the colour was stopped; for a stop, none.
    #[serde(default)]
    pub instances: Option<u32>,
    /// Who asks: user and host.
    pub by: String,
    /// When it is over at the latest, in milliseconds from now.
    pub timeout_ms: u64,
    /// The live colour that whoever asks had in view: where another one is live by now, nothing is begun. None: it was undefined, or an older
    /// command line does not say.
    #[serde(default)]
    pub live: Option<Colour>,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployLease {
    /// The journal's entry.
    pub id: i64,
    /// Its epoch.
    pub epoch: u64,
    /// When the lease runs out.
    pub until: Moment,
    /// The colour's deploys since the last one that was done, newest first: what any of them has left is not proven.
    #[serde(default)]
    pub unproven: Vec<i64>,
}

/// `POST /v1/deploys/ID/end`: frees the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployEnd {
    /// Whether it did what was asked.
    pub ok: bool,
    /// Why not, or what is worth knowing.
    pub reason: Option<String>,
    /// The last lines of the user's own commands, where they carried it out.
    #[serde(default)]
    pub output: Option<String>,
}

/// `GET /v1/gate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReport {
    /// Whether it has opened.
    pub open: bool,
    /// Why not, in the user's words; empty when it is open.
    pub why: String,
    /// What the last probe saw.
    pub last: Option<Observation>,
}

/// Why the prober did not do what was asked, as it says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which kind.
    pub kind: RefusalKind,
    /// In the user's words.
    pub error: String,
}

/// The kinds of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusalKind {
    /// Another deploy or switch is under way.
    Locked,
    /// It cannot be done.
    Refused,
    /// The live colour is undefined.
    Undefined,
    /// The proxy or the journal does not answer.
    Unreachable,
}
