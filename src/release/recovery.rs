//! What becomes of a switch that was found unfinished.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::time::sleep;

use super::cluster::Cluster;
use super::switch::Switch;
use super::watch;
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::shift::Before;
use crate::domain::switch::{Phase, ProxyAnswer, Recovery, recover};
use crate::proxy::control::ProxyState;
use crate::store::{Entry, StoreError};

/// How often a silent proxy, or a silent journal, is asked again.
const PACE: Duration = Duration::from_secs(1);
/// So often a proxy that answers may not know what is live before the switch is given up.
const PATIENCE: u32 = 10;

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
    let (mut alarmed, mut undefined) = (false, 0);
    loop {
        match step(cluster, entry.id, &mut undefined).await {
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

/// Decides once. True when there is nothing more to do. `undefined`: how often in a row the proxy has answered and not known what is live.
async fn step(cluster: &Arc<Cluster>, id: i64, undefined: &mut u32) -> Result<bool, StoreError> {
    let Some(entry) = cluster.journal.entry(id).await? else { return Ok(true) };
    let said = cluster.proxy.state().await.ok();
    let answer = said.as_ref().map_or(ProxyAnswer::Silent, |said| ProxyAnswer::Live(said.live));
    let decided = recover(entry.phase, entry.asked.target, answer);
    let (phase, target) = (entry.phase, entry.asked.target);
    let switch = Switch::new(Arc::clone(cluster), entry, unbounded_channel().0);
    match (decided, said) {
        (Recovery::Nothing, _) => Ok(true),
        (Recovery::Alarm, Some(_)) if *undefined < PATIENCE => {
            *undefined += 1;
            Ok(false)
        }
        (Recovery::Alarm, Some(_)) => {
            // Nothing but an order makes it know again, and nobody can give one while this has the lease.
            let mend = "make one live with allswell switch COLOUR --force REASON";
            switch.interrupt(format!("the prober ended at {phase}; the proxy does not know any more what is live: {mend}")).await;
            Ok(true)
        }
        (Recovery::Alarm | Recovery::Interrupt | Recovery::Verify | Recovery::Finish, None) => {
            *undefined = 0;
            Ok(false)
        }
        (Recovery::Interrupt, Some(said)) => {
            // The shift may have been sent and not have arrived.
            if phase == Phase::Gated && switch.fence(said.epoch).await.is_err() {
                return Ok(false);
            }
            let on = if matches!(phase, Phase::Intended | Phase::Gated) { "still on" } else { "back on" };
            switch.interrupt(format!("the prober ended at {phase}; the proxy is {on} {}", target.other())).await;
            Ok(true)
        }
        (Recovery::Verify, Some(said)) => go_on(cluster, switch, (id, target), Phase::Shifted, &said).await,
        (Recovery::Finish, Some(said)) => go_on(cluster, switch, (id, target), phase, &said).await,
    }
}

async fn go_on(
    cluster: &Arc<Cluster>,
    switch: Switch,
    (id, target): (i64, Colour),
    phase: Phase,
    said: &ProxyState,
) -> Result<bool, StoreError> {
    cluster.journal.renew(id, clock::now() + cluster.longest_switch()).await?;
    let before = answered_before(cluster, id, target, said).await?;
    Ok(switch.resume(phase, said.epoch, before).await)
}

/// What the colours had answered when the switch was made. Where the journal does not say it, what they have answered by now, as the proxy says
/// it: from here on the new colour is held against that. Without either the switch goes on all the same: the probes watch it.
async fn answered_before(cluster: &Cluster, id: i64, target: Colour, said: &ProxyState) -> Result<Option<Before>, StoreError> {
    let kept = match cluster.journal.before_shift(id).await {
        Err(StoreError::Unreadable(why)) => {
            tracing::warn!(switch = id, why, "what was answered before the switch cannot be read: what was answered by now counts");
            None
        }
        read => read?,
    };
    Ok(kept.or_else(|| watch::before(said, target, &cluster.memory)))
}

#[cfg(test)]
mod tests {
    use super::super::cluster::tests::{cluster, serving};
    use super::*;
    use crate::domain::answers::{Answers, BothAnswers};
    use crate::domain::colour::Colour::Green;
    use crate::store::{Asked, Intent, Step, Store, Taken, What, facts};

    #[tokio::test]
    async fn where_the_journal_does_not_say_what_was_answered_before_a_switch_what_was_answered_by_now_counts() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster(folder.path(), || serving((Green, 7))).await;
        let store = Store::open("sqlite:prober.db", folder.path()).await.unwrap();
        let key = "answered before the shift";
        let silent = serving((Green, 7));
        let counted = BothAnswers { blue: Answers { total: 900, failed: 9 }, green: Answers { total: 40, failed: 20 } };
        let counting = ProxyState { answers: Some(counted), ..serving((Green, 7)) };
        let by_now = Before { lately: counted.blue, counted };
        let before = async |said: &ProxyState| answered_before(&cluster, 1, Green, said).await.unwrap();
        // It ended between the shift and its commit.
        assert_eq!((before(&counting).await, before(&silent).await), (Some(by_now), None));
        let kept = Before { lately: Answers { total: 30, failed: 3 }, counted: BothAnswers::default() };
        let mut transaction = store.begin().await.unwrap();
        facts::set(&mut transaction, key, &(1_i64, kept)).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!((before(&counting).await, before(&silent).await), (Some(kept), Some(kept)));
        let mut transaction = store.begin().await.unwrap();
        facts::set(&mut transaction, key, &"as nobody writes it").await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!((before(&counting).await, before(&silent).await), (Some(by_now), None), "and it keeps the switch from no end");
    }

    #[tokio::test]
    async fn a_switch_whose_proxy_does_not_know_any_more_what_is_live_is_given_up_so_that_somebody_can_order_it() {
        let folder = tempfile::tempdir().unwrap();
        let undefined = || ProxyState { live: None, ..serving((Green, 7)) };
        let cluster = Arc::new(cluster(folder.path(), undefined).await);
        let (journal, now) = (&cluster.journal, clock::now());
        let asked = Asked { target: Green, version: None, by: "ann@desk".into(), forced: None, instances: None };
        let until = now + Duration::from_secs(600);
        let intent = Intent { what: What::Switch, asked, origin: Some(Green.other()), proxy_epoch: 6, until, configured: 1 };
        let Taken::Ours(Entry { id, .. }) = journal.take(intent, now).await.unwrap() else { panic!("somebody else has the lease") };
        for phase in [Phase::Gated, Phase::Shifted] {
            assert!(journal.reach(id, &Step { phase, at: now, note: None }).await.unwrap());
        }
        let mut times = 0;
        for _ in 0..PATIENCE {
            assert!(!step(&cluster, id, &mut times).await.unwrap(), "it may know in a moment");
        }
        assert!(journal.lease().await.unwrap().is_some());
        assert!(step(&cluster, id, &mut times).await.unwrap());
        let ended = journal.entry(id).await.unwrap().unwrap();
        assert_eq!((ended.phase, journal.lease().await.unwrap()), (Phase::Interrupted, None));
        assert!(ended.reason.as_deref().is_some_and(|why| why.contains("does not know any more what is live")), "{ended:?}");
    }
}
