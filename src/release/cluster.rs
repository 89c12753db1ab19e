//! What a switch works on.

use std::sync::Arc;
use std::time::Duration;

use super::memory::Memory;
use super::settings::SwitchSettings;
use super::targets::Targets;
use crate::probe::ProbeSettings;
use crate::proxy::control::ProxyControl;
use crate::store::Journal;

/// One cluster: its journal, its proxy, its targets, and what is remembered of them.
#[derive(Debug)]
pub struct Cluster {
    /// Who did what.
    pub journal: Journal,
    /// Takes orders.
    pub proxy: ProxyControl,
    /// Are probed.
    pub targets: Targets,
    /// What the probes saw.
    pub memory: Arc<Memory>,
    /// How a switch goes.
    pub settings: SwitchSettings,
    /// How everything is probed.
    pub probe: ProbeSettings,
}

impl Cluster {
    /// The longest that a switch can take, and some minutes: a lease that is kept no longer than this is not in the way for ever.
    pub(super) fn longest_switch(&self) -> Duration {
        const SPARE: Duration = Duration::from_secs(300);
        let SwitchSettings { within, drain, observe, passes } = self.settings;
        within * 2 + self.probe.timeout * (passes + self.probe.fall) + drain + observe + SPARE
    }
}
