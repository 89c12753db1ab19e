//! Deploy and switch, each told as a story; the journal; the client of the prober's control.

mod cluster;
mod criteria;
pub mod deploy;
mod desk;
mod drain;
mod end;
mod further;
mod gate;
mod hooks;
mod limit;
mod memory;
pub mod orders;
mod patience;
mod proof;
mod recovery;
pub mod remote;
pub mod scale;
mod settings;
mod standing;
mod switch;
pub mod targets;
mod watch;

pub use crate::store::{Asked, Entry, Lease, Step, What};
pub use cluster::Cluster;
pub use criteria::Criteria;
pub use desk::{Desk, Phases};
pub use hooks::{Callee, Hook};
pub use limit::time_to_put_back;
pub use memory::Memory;
pub use orders::{
    Act, DeployEnd, DeployLease, DeployOrder, GateReport, ProberState, Refusal, RefusalKind, SwitchEnd, SwitchEvent, SwitchOrder,
    TargetState, WatcherState,
};
pub use remote::{Remote, RemoteError};
pub use settings::{ProberSettings, SwitchSettings};
pub use targets::Targets;
