//! Deploy and switch, each told as a story; the journal; the client of the prober's control.

pub mod deploy;
pub mod orders;
pub mod remote;
mod settings;

pub use crate::store::{Asked, Entry, Lease, Step, What};
pub use orders::{
    DeployEnd, DeployLease, DeployOrder, GateReport, ProberState, Refusal, RefusalKind, SwitchEnd, SwitchEvent, SwitchOrder, TargetState,
    WatcherState,
};
pub use remote::{Remote, RemoteError};
pub use settings::{ProberSettings, SwitchSettings};
