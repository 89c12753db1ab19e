//! What becomes of a switch that was found unfinished.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::time::sleep;

use super::cluster::Cluster;
use super::switch::Switch;
use crate::clock;
use crate::domain::shift::Before;
use crate::domain::switch::{Phase, ProxyAnswer, Recovery, recover};
use crate::store::{Entry, StoreError};

/// How often a silent proxy, or a silent journal, is asked again.
const PACE: Duration = Duration::from_secs(1);

/// Recovers every switch that the journal holds unfinished. Returns when none is left.
pub(super) async fn all(cluster: Arc<Cluster>) {
    let unfinished = loop {
        match cluster.journal.unfinished_switches().await {
            Ok(entries) => break entries,
            Err(error) => tracing::error!(%error, "the journal cannot be read"),
        }
        sleep(PACE).await;
    };
    for entry in unfinished {
        one(&cluster, entry).await;
    }
}

/// Asks the proxy until it answers, and then goes on, back, or ends the entry.
pub(super) async fn one(cluster: &Arc<Cluster>, entry: Entry) {
    tracing::warn!(switch = entry.id, to = %entry.asked.target, phase = %entry.phase, "a switch was found unfinished");
    let mut alarmed = false;
    loop {
        match step(cluster, entry.id).await {
            Ok(true) => return,
            Ok(false) if alarmed => {}
            Ok(false) => {
                alarmed = true;
                tracing::error!(switch = entry.id, "the proxy does not say what is live: nothing is changed, and it is asked again");
            }
            Err(error) => tracing::error!(%error, "the journal does not work"),
        }
        sleep(PACE).await;
    }
}

/// Decides once. True when there is nothing more to do.
async fn step(cluster: &Arc<Cluster>, id: i64) -> Result<bool, StoreError> {
    let Some(entry) = cluster.journal.entry(id).await? else { return Ok(true) };
    let state = cluster.proxy.state().await.ok();
    let (answer, epoch) = state.map_or((ProxyAnswer::Silent, 0), |state| (ProxyAnswer::Live(state.live), state.epoch));
    let decided = recover(entry.phase, entry.asked.target, answer);
    let (phase, target) = (entry.phase, entry.asked.target);
    let switch = Switch::new(Arc::clone(cluster), entry, unbounded_channel().0);
    match decided {
        Recovery::Nothing => Ok(true),
        Recovery::Alarm => Ok(false),
        Recovery::Interrupt => {
            // The shift may have been sent and not have arrived.
            if phase == Phase::Gated && switch.fence(epoch).await.is_err() {
                return Ok(false);
            }
            switch.interrupt(format!("the prober ended at {phase}; the proxy is still on {}", target.other())).await;
            Ok(true)
        }
        Recovery::Verify => go_on(cluster, switch, id, Phase::Shifted, epoch).await,
        Recovery::Finish => go_on(cluster, switch, id, phase, epoch).await,
    }
}

async fn go_on(cluster: &Arc<Cluster>, switch: Switch, id: i64, phase: Phase, epoch: u64) -> Result<bool, StoreError> {
    cluster.journal.renew(id, clock::now() + cluster.longest_switch()).await?;
    let before = answered_before(cluster, id).await?;
    Ok(switch.resume(phase, epoch, before).await)
}

/// What the colours had answered when the switch was made. Without it the switch goes on all the same: the probes watch it.
async fn answered_before(cluster: &Cluster, id: i64) -> Result<Option<Before>, StoreError> {
    match cluster.journal.before_shift(id).await {
        Err(StoreError::Unreadable(why)) => {
            tracing::warn!(switch = id, why, "what was answered before the switch cannot be read: the error rate is not compared");
            Ok(None)
        }
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::super::cluster::tests::{cluster, serving};
    use super::*;
    use crate::domain::answers::{Answers, BothAnswers};
    use crate::domain::colour::Colour::Green;
    use crate::store::{Store, facts};

    #[tokio::test]
    async fn what_cannot_be_read_of_the_answers_before_a_switch_keeps_it_from_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster(folder.path(), || serving((Green, 7))).await;
        let store = Store::open("sqlite:prober.db", folder.path()).await.unwrap();
        let key = "answered before the shift";
        let before = Before { lately: Answers { total: 30, failed: 3 }, counted: BothAnswers::default() };
        let mut transaction = store.begin().await.unwrap();
        facts::set(&mut transaction, key, &(1_i64, before)).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(answered_before(&cluster, 1).await.unwrap(), Some(before));
        let mut transaction = store.begin().await.unwrap();
        facts::set(&mut transaction, key, &"as nobody writes it").await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(answered_before(&cluster, 1).await.unwrap(), None);
    }
}
