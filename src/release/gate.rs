//! Waits for a colour's gate to open.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::cluster::Cluster;
use super::orders::GateReport;
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::gate::{Gate, GateRule};
use crate::probe::Probed;

/// How often a gate that is shut is tried.
const PACE: Duration = Duration::from_millis(200);

/// Probes the colour afresh, and again until its gate opens or `within` is over. What is unknown fails.
pub(super) async fn wait(cluster: &Cluster, colour: Colour, within: Duration) -> GateReport {
    let rule = GateRule { passes: cluster.settings.passes, every: cluster.probe.every };
    let mut why = "no probe has ended".to_owned();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let opening = async {
        loop {
            pace.tick().await;
            match look(cluster, &rule, colour).await {
                Gate::Open => return,
                Gate::Shut(reason) => why = reason,
            }
        }
    };
    let opened = timeout(within, opening).await.is_ok();
    let why = if opened { String::new() } else { why };
    GateReport { open: opened, why, last: cluster.memory.last(colour.as_str()) }
}

async fn look(cluster: &Cluster, rule: &GateRule, colour: Colour) -> Gate {
    match cluster.targets.colour(colour).await {
        Probed::Observed(observation) => {
            cluster.memory.note(colour.as_str(), &observation);
            rule.decide(&cluster.memory.of(colour.as_str()), clock::now())
        }
        Probed::Unable(ours) => Gate::Shut(format!("the prober cannot probe: {ours}")),
    }
}
