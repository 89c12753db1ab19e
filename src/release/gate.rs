//! Waits for a colour's gate to open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::cluster::Cluster;
use super::further;
use super::orders::GateReport;
use super::targets::{Seen, named, worst};
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::gate::{Gate, GateRule, Observation};
use crate::probe::Probed;

/// How often a gate that is shut is tried.
const PACE: Duration = Duration::from_millis(200);

/// How a gate that is not a colour's own stands.
#[derive(Debug)]
struct Beside {
    rule: GateRule,
    /// What each instance showed, oldest first.
    seen: BTreeMap<String, Vec<Observation>>,
}

/// What is looked at.
#[derive(Debug)]
enum Subject<'a> {
    /// A colour, at its own addresses; what is seen counts for it.
    Colour(Colour),
    /// Instances elsewhere.
    Beside(&'a [String], Beside),
}

/// A first look at a colour, begun when its switch was ordered and taken beside what else is to be done before the gate.
#[derive(Debug)]
pub(super) struct Glance {
    probed: JoinHandle<Probed>,
    reached: JoinHandle<Result<(), String>>,
}

/// Whether the proxy reaches a colour; none where it was not asked.
type Reached = Option<Result<(), String>>;

impl Glance {
    /// Begins it.
    pub(super) fn at(cluster: &Arc<Cluster>, colour: Colour) -> Self {
        let (probing, reaching) = (Arc::clone(cluster), Arc::clone(cluster));
        Self {
            probed: tokio::spawn(async move { probing.targets.colour(colour).await }),
            reached: tokio::spawn(async move { further::is_reached(&reaching, colour).await }),
        }
    }
}

/// Probes the colour afresh, and again until its gate opens or `within` is over; the first probe may be a glance that nothing has been done
/// since. What is unknown fails.
pub(super) async fn wait(cluster: &Cluster, colour: Colour, within: Duration, glance: Option<Glance>) -> GateReport {
    let (open, why) = until_open(cluster, &mut Subject::Colour(colour), within, glance).await;
    GateReport { open, why, last: cluster.memory.last(colour.as_str()) }
}

/// The same for the instances at these addresses, whatever colour they are to serve: none of it counts for a colour. Open when every one
/// has passed so many fresh probes in a row.
pub(super) async fn wait_at(cluster: &Cluster, addresses: &[String], within: Duration) -> GateReport {
    let mut subject = Subject::Beside(addresses, Beside { rule: rule(cluster), seen: BTreeMap::new() });
    let (open, why) = until_open(cluster, &mut subject, within, None).await;
    let last = match &subject {
        Subject::Colour(_) => None,
        Subject::Beside(_, beside) => beside.worst(),
    };
    GateReport { open, why, last }
}

fn rule(cluster: &Cluster) -> GateRule {
    GateRule { passes: cluster.settings.passes, every: cluster.probe.every }
}

async fn until_open(cluster: &Cluster, subject: &mut Subject<'_>, within: Duration, mut glance: Option<Glance>) -> (bool, String) {
    let mut why = "no probe has ended".to_owned();
    // The first look waits for no timer: one that is due waits for the end of its millisecond.
    let mut pace = interval(PACE);
    pace.reset();
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let opening = async {
        loop {
            let (gate, reached) = subject.look(cluster, glance.take()).await;
            match gate {
                Gate::Open => match subject.stands_the_rest(cluster, reached).await {
                    Ok(()) => return,
                    Err(reason) => why = reason,
                },
                Gate::Shut(reason) => why = reason,
            }
            pace.tick().await;
        }
    };
    let opened = timeout(within, opening).await.is_ok();
    (opened, if opened { String::new() } else { why })
}

impl Subject<'_> {
    fn addresses<'a>(&'a self, cluster: &'a Cluster) -> &'a [String] {
        match self {
            Self::Colour(colour) => cluster.targets.addresses(*colour),
            Self::Beside(addresses, _) => addresses,
        }
    }

    /// What a colour has to show beside its probes. `reached` is whether the proxy reaches it, where that is known already.
    async fn stands_the_rest(&self, cluster: &Cluster, reached: Reached) -> Result<(), String> {
        further::answers(cluster, self.addresses(cluster)).await?;
        match (self, reached) {
            (_, Some(reached)) => reached,
            (Self::Colour(colour), None) => further::is_reached(cluster, *colour).await,
            (Self::Beside(..), None) => Ok(()),
        }
    }

    async fn look(&mut self, cluster: &Cluster, glance: Option<Glance>) -> (Gate, Reached) {
        let colour = match self {
            Self::Colour(colour) => *colour,
            Self::Beside(addresses, beside) => return (beside.note(cluster.targets.instances(addresses).await), None),
        };
        // What a probe shows is judged at once: a proxy that does not answer must not make it old.
        let judged = |probed| judge(cluster, colour, probed);
        let Some(glance) = glance else {
            // Where this probe is likely to pass, the proxy tries the colour beside it: visitors may wait for this gate.
            let likely = cluster.memory.last(colour.as_str()).filter(Observation::passed).map(|_| colour);
            let looking = async { judged(cluster.targets.colour(colour).await) };
            return tokio::join!(looking, reached(cluster, likely));
        };
        let gate = glance.probed.await.map_or_else(|_| unable("its probe broke"), judged);
        let reached = if gate == Gate::Open { glance.reached.await.ok() } else { None };
        (gate, reached)
    }
}

/// Keeps what a probe has shown, and decides.
fn judge(cluster: &Cluster, colour: Colour, probed: Probed) -> Gate {
    match probed {
        Probed::Observed(observation) => {
            cluster.memory.note(colour.as_str(), &observation);
            rule(cluster).decide(&cluster.memory.of(colour.as_str()), clock::now())
        }
        Probed::Unable(ours) => unable(&ours),
    }
}

async fn reached(cluster: &Cluster, colour: Option<Colour>) -> Reached {
    Some(further::is_reached(cluster, colour?).await)
}

fn unable(ours: &str) -> Gate {
    Gate::Shut(format!("the prober cannot probe: {ours}"))
}

impl Beside {
    /// Decides on a round of probes and on those before it. An instance that is no longer there counts no more.
    fn note(&mut self, round: Vec<Seen>) -> Gate {
        self.seen.retain(|at, _| round.iter().any(|seen| seen.at == *at));
        let mut gate = Gate::Open;
        for Seen { at, probed, .. } in round {
            let decided = match probed {
                Probed::Observed(observation) => {
                    let newest = observation.at;
                    let observed = self.seen.entry(at.clone()).or_default();
                    if !observation.passed() {
                        // A run of passes begins anew: what was before decides nothing any more.
                        observed.clear();
                    }
                    observed.push(observation);
                    self.rule.decide(observed, newest)
                }
                Probed::Unable(ours) => unable(&ours),
            };
            if let (Gate::Shut(why), Gate::Open) = (decided, &gate) {
                gate = Gate::Shut(format!("{at}: {why}"));
            }
        }
        gate
    }

    /// The last observation of the worst instance, with its address.
    fn worst(&self) -> Option<Observation> {
        let last = self.seen.iter().filter_map(|(at, observed)| Some(Probed::Observed(named(observed.last()?.clone(), at))));
        last.reduce(worst)?.observation().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::beat::Showing;
    use crate::domain::moment::Moment;

    fn seen(at: &str, second: i64, showing: Showing) -> Seen {
        let reason = (showing == Showing::Bad).then(|| "answered 500".to_owned());
        let observation = Observation { at: Moment::from_millis(second * 1_000), showing, status: None, latency_ms: 1, reason };
        Seen { at: at.into(), name: None, probed: Probed::Observed(observation) }
    }

    fn beside() -> Beside {
        Beside { rule: GateRule { passes: 2, every: Duration::from_secs(1) }, seen: BTreeMap::new() }
    }

    #[test]
    fn every_instance_must_pass_so_often_in_a_row_and_the_one_that_does_not_is_named() {
        let (mut beside, shut) = (beside(), |why: &str| Gate::Shut(why.to_owned()));
        let round = |second, second_shows| vec![seen("a:1", second, Showing::Good), seen("b:1", second, second_shows)];
        assert_eq!(beside.note(round(1, Showing::Bad)), shut("a:1: 1 of 2 probes in a row have passed"));
        assert_eq!(beside.worst().unwrap().reason.as_deref(), Some("b:1: answered 500"));
        assert_eq!(beside.note(round(2, Showing::Bad)), shut("b:1: the last probe failed: answered 500"));
        assert_eq!(beside.note(round(9, Showing::Slow)), shut("b:1: 1 of 2 probes in a row have passed"));
        assert_eq!(beside.note(round(10, Showing::Good)), Gate::Open);
    }

    #[test]
    fn one_that_is_gone_counts_no_more_and_one_that_could_not_be_probed_keeps_the_gate_shut() {
        let mut beside = beside();
        beside.note(vec![seen("a:1", 1, Showing::Good), seen("name:1", 1, Showing::Bad)]);
        assert_eq!(beside.note(vec![seen("a:1", 2, Showing::Good)]), Gate::Open);
        let unable = Seen { at: "a:1".into(), name: None, probed: Probed::Unable("out of descriptors".into()) };
        assert_eq!(beside.note(vec![unable]), Gate::Shut("a:1: the prober cannot probe: out of descriptors".into()));
    }
}
