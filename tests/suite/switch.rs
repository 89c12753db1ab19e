//! Stories about: switch.

use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind};
use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use allswell::net::client::fresh;
use allswell::release::{Act, DeployEnd, DeployOrder, RemoteError, SwitchOrder, What};
use allswell::store::Store;

use rustix::process::Signal;

use crate::harness::{Beats, Cluster, eventually};

/// Probes every 300 ms.
const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
const SWITCH: &str = "passes = 2\nwithin = \"10s\"\ndrain = \"5s\"\nobserve = \"500ms\"";

#[tokio::test]
async fn a_switch_goes_through_its_phases_in_order_and_the_front_door_changes_colour() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    let (phases, end) = cluster.switch(Green, None).finish().await;
    assert_eq!(end.unwrap().phase, Phase::Done);
    assert_eq!(phases, [Phase::Intended, Phase::Gated, Phase::Shifted, Phase::Verified, Phase::Drained, Phase::Done]);
    assert_eq!(cluster.live().await, Some(Green));
    let entry = cluster.last().await;
    let journalled: Vec<Phase> = entry.steps.iter().map(|step| step.phase).collect();
    assert_eq!((journalled, entry.asked.by.as_str()), (phases, "ann@desk"));
    let page = client().get(format!("http://{}/", cluster.host.at(8000))).send().await.unwrap().text().await.unwrap();
    assert_eq!(page, "green");

    let (phases, end) = cluster.switch(Green, None).finish().await;
    let end = end.unwrap();
    assert_eq!((phases, end.phase), (vec![Phase::Done], Phase::Done));
    assert!(end.reason.unwrap().contains("live already"));
    assert_eq!(cluster.remote.history(9).await.unwrap().len(), 1, "nothing was done, nothing is journalled");
}

#[tokio::test]
async fn a_colour_that_fails_its_probes_is_refused_and_live_is_untouched() {
    let cluster = Cluster::start("passes = 2\nwithin = \"1s\"", PROBE).await;
    cluster.green.set_failing(true);
    let before = cluster.state().await.epoch;
    let (phases, end) = cluster.switch(Green, None).finish().await;
    let end = end.unwrap();
    assert_eq!((phases, end.phase), (vec![Phase::Intended, Phase::Refused], Phase::Refused));
    assert!(end.reason.clone().unwrap().contains("answered 500"), "{:?}", end.reason);
    let state = cluster.state().await;
    assert_eq!((state.live, state.epoch, state.lease), (Some(Blue), before, None));
}

#[tokio::test]
async fn force_skips_the_gate_and_nothing_else() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.green.set_failing(true);
    let (phases, end) = cluster.switch(Green, Some("trust me")).finish().await;
    let end = end.unwrap();
    assert_eq!(phases, [Phase::Intended, Phase::Gated, Phase::Shifted, Phase::Reverted], "verify took it back");
    assert!(end.reason.unwrap().contains("the front door failed: answered 500"));
    let entry = cluster.last().await;
    assert_eq!(entry.asked.forced.as_deref(), Some("trust me"));
    assert_eq!(cluster.live().await, Some(Blue));
}

#[tokio::test]
async fn a_colour_that_turns_bad_while_it_is_observed_is_taken_back() {
    let cluster = Cluster::start("passes = 2\nwithin = \"10s\"\ndrain = \"1s\"\nobserve = \"30s\"", PROBE).await;
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Drained).await;
    cluster.green.set_failing(true);
    let end = switch.finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Reverted);
    assert!(end.reason.clone().unwrap().contains("failed 2 probes: answered 500"), "{:?}", end.reason);
    let state = cluster.state().await;
    assert_eq!((state.live, state.lease), (Some(Blue), None));
    assert_eq!(state.epoch, cluster.last().await.epoch, "the way back has an epoch of its own");
}

#[tokio::test]
async fn it_is_not_taken_back_where_the_old_colour_is_dead() {
    let mut cluster = Cluster::start("passes = 2\nwithin = \"10s\"\ndrain = \"1s\"\nobserve = \"30s\"", PROBE).await;
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Drained).await;
    cluster.blue.kill().await;
    cluster.green.set_failing(true);
    let end = switch.finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Stayed);
    assert!(end.reason.clone().unwrap().contains("blue fails too: connection refused"), "{:?}", end.reason);
    assert_eq!(cluster.live().await, Some(Green));
}

#[tokio::test]
async fn an_end_that_the_journal_does_not_take_is_said_at_once_and_stands_there_as_soon_as_it_does() {
    let cluster = Cluster::start("passes = 2\nwithin = \"10s\"\ndrain = \"1s\"\nobserve = \"60s\"", PROBE).await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Drained).await;
    let store = Store::open("sqlite:prober.db", &cluster.host.path("state")).await.unwrap();
    let lock = eventually("nobody else writes", || async { store.begin().await.ok() }).await;
    cluster.green.set_failing(true);
    let end = switch.finish().await.1.unwrap();
    let said = end.reason.clone().unwrap();
    assert_eq!((end.phase, cluster.last().await.phase), (Phase::Reverted, Phase::Drained), "{said}");
    assert!(said.contains("failed 2 probes: answered 500; the end of the switch to green (reverted) is not in the journal yet"), "{said}");
    match cluster.switch(Green, None).finish().await.1 {
        Err(RemoteError::Unreachable(why)) => assert!(why.contains("is not in the journal yet"), "{why}"),
        other => panic!("{other:?}"),
    }
    eventually("the prober is not well", || async {
        let why = |beat: Beat| beat.health.and_then(|health| health.reason);
        beats.of("prober").into_iter().filter_map(why).find(|why| why.contains("the end of the switch to green (reverted)"))
    })
    .await;
    drop(lock);
    let entry = cluster.ended().await;
    assert_eq!(entry.phase, Phase::Reverted);
    assert!(entry.reason.as_ref().is_some_and(|why| why.ends_with("failed 2 probes: answered 500")), "{entry:?}");
    let before = beats.of("prober").len();
    eventually("the prober is well", || async { beats.of("prober").into_iter().skip(before).find(|beat| beat.kind == BeatKind::Success) })
        .await;
    assert_eq!(cluster.remote.history(9).await.unwrap().len(), 1, "the way back was its own");
    assert_eq!((cluster.live().await, cluster.state().await.lease), (Some(Blue), None));
}

#[tokio::test]
async fn a_colour_that_turns_bad_while_old_requests_finish_is_taken_back_at_once() {
    let cluster = Cluster::start("passes = 2\nwithin = \"10s\"\ndrain = \"60s\"\nobserve = \"1s\"", PROBE).await;
    let held = hold_a_request_on_blue(&cluster).await;
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Verified).await;
    cluster.green.set_failing(true);
    assert_eq!(switch.finish().await.1.unwrap().phase, Phase::Reverted);
    assert!(!held.is_finished());
    cluster.blue.set_holding(false);
    assert_eq!(held.await.unwrap(), "held", "the old request was never cut");
}

#[tokio::test]
async fn a_drain_cuts_nothing_and_says_what_is_left() {
    let cluster = Cluster::start("passes = 2\nwithin = \"10s\"\ndrain = \"400ms\"\nobserve = \"300ms\"", PROBE).await;
    let held = hold_a_request_on_blue(&cluster).await;
    assert_eq!(cluster.switch(Green, None).finish().await.1.unwrap().phase, Phase::Done);
    let entry = cluster.last().await;
    let drained = entry.steps.iter().find(|step| step.phase == Phase::Drained).unwrap();
    assert_eq!(drained.note.as_deref(), Some("1 requests and 0 streams still run on blue and are left"));
    assert!(!held.is_finished());
    cluster.blue.set_holding(false);
    assert_eq!(held.await.unwrap(), "held");
}

#[tokio::test]
async fn whoever_does_not_wait_is_answered_when_it_is_verified_and_the_rest_goes_on() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    let order = SwitchOrder { to: Green, force: None, wait: false, by: "ann".into() };
    let end = cluster.remote.switch(&order, |_| {}).await.unwrap();
    assert_eq!(end.phase, Phase::Verified);
    assert_eq!(cluster.ended().await.phase, Phase::Done);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_the_switch() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.green.set_delay(Duration::from_millis(300));
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Intended).await;
    switch.end.abort();
    assert_eq!(cluster.ended().await.phase, Phase::Done);
}

#[tokio::test]
async fn of_two_at_once_one_goes_on_and_the_other_hears_who() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.green.set_failing(true);
    let mut first = cluster.switch(Green, None);
    first.reach(Phase::Intended).await;
    match cluster.switch(Green, None).finish().await.1 {
        Err(RemoteError::Locked(why)) => assert!(why.contains("a switch to green by ann@desk"), "{why}"),
        other => panic!("{other:?}"),
    }
    let deploy =
        DeployOrder { act: Act::Deploy, colour: Green, version: None, instances: None, by: "bob".into(), timeout_ms: 1_000, live: None };
    assert!(matches!(cluster.remote.begin_deploy(&deploy).await, Err(RemoteError::Locked(_))));
    cluster.green.set_failing(false);
    assert_eq!(first.finish().await.1.unwrap().phase, Phase::Done);
}

#[tokio::test]
async fn a_deploy_has_the_lease_until_it_ends_or_its_time_is_over() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    let order = deploy_of_green();
    let lease = cluster.remote.begin_deploy(&order).await.unwrap();
    let state = cluster.state().await;
    assert_eq!((state.deploy.unwrap().colour, state.lease.unwrap().what), (Green, What::Deploy));
    match cluster.switch(Green, None).finish().await.1 {
        Err(RemoteError::Locked(why)) => assert!(why.contains("a deploy of green by bob"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(cluster.remote.gate(Green, Duration::from_secs(5), &[]).await.unwrap().open);
    cluster.remote.end_deploy(&lease, &DeployEnd { ok: true, reason: None, output: None }).await.unwrap();
    assert_eq!(cluster.last().await.phase, Phase::Done);

    let short = cluster.remote.begin_deploy(&DeployOrder { timeout_ms: 300, ..order }).await.unwrap();
    assert!(short.epoch > lease.epoch);
    assert_eq!(cluster.ended().await.phase, Phase::Interrupted);
    let late = cluster.remote.end_deploy(&short, &DeployEnd { ok: true, reason: None, output: None }).await;
    assert!(matches!(late, Err(RemoteError::Refused(_))), "{late:?}");
}

/// Three probes in a row take longer than a gate waits; one does not.
const THREE_ARE_TOO_MANY: (Duration, Duration) = (Duration::from_millis(600), Duration::from_millis(1_500));

/// A cluster whose green has passed more often than a gate asks for, and now answers slowly; no rounds come in between.
async fn proven_green() -> Cluster {
    let cluster = Cluster::start("passes = 3\nwithin = \"1500ms\"", "[probe]\nevery = \"60s\"\nslow = \"9s\"\ntimeout = \"10s\"\n").await;
    assert!(cluster.remote.gate(Green, Duration::from_secs(10), &[]).await.expect("an answer").open);
    cluster.green.set_delay(THREE_ARE_TOO_MANY.0);
    let report = cluster.remote.gate(Green, THREE_ARE_TOO_MANY.1, &[]).await.expect("an answer");
    assert!(report.open, "one fresh pass is added to those that are remembered: {}", report.why);
    cluster
}

fn deploy_of_green() -> DeployOrder {
    DeployOrder {
        act: Act::Deploy,
        colour: Green,
        version: Some("v2".into()),
        instances: None,
        by: "bob".into(),
        timeout_ms: 60_000,
        live: None,
    }
}

#[tokio::test]
async fn the_gate_of_a_deploy_counts_no_pass_of_the_instances_that_were_replaced() {
    let cluster = proven_green().await;
    let lease = cluster.remote.begin_deploy(&deploy_of_green()).await.unwrap();
    cluster.green.set_delay(Duration::ZERO);
    assert!(cluster.remote.gate(Green, Duration::from_secs(10), &[]).await.unwrap().open);
    // Now the instances are replaced, and the gate is asked again.
    cluster.green.set_delay(THREE_ARE_TOO_MANY.0);
    let report = cluster.remote.gate(Green, THREE_ARE_TOO_MANY.1, &[]).await.unwrap();
    assert!(!report.open && report.why.contains("of 3 probes in a row"), "{report:?}");
    let blue = cluster.remote.gate(Blue, Duration::from_secs(10), &[]).await.unwrap();
    assert!(blue.open, "nobody replaces blue");
    cluster.green.set_delay(Duration::ZERO);
    assert!(cluster.remote.gate(Green, Duration::from_secs(10), &[]).await.unwrap().open);
    cluster.remote.end_deploy(&lease, &DeployEnd { ok: true, reason: None, output: None }).await.unwrap();
    assert!(cluster.remote.gate(Green, Duration::from_millis(1_500), &[]).await.unwrap().open);
}

#[tokio::test]
async fn a_switch_after_a_deploy_counts_no_pass_of_the_instances_that_were_replaced() {
    for ok in [true, false] {
        let cluster = proven_green().await;
        let lease = cluster.remote.begin_deploy(&deploy_of_green()).await.unwrap();
        if !ok {
            // Seen passing before the new instances are there, and then nobody waits for them.
            cluster.green.set_delay(Duration::ZERO);
            assert!(cluster.remote.gate(Green, Duration::from_secs(10), &[]).await.unwrap().open);
            cluster.green.set_delay(THREE_ARE_TOO_MANY.0);
        }
        cluster.remote.end_deploy(&lease, &DeployEnd { ok, reason: None, output: None }).await.unwrap();
        let end = cluster.switch(Green, None).finish().await.1.unwrap();
        assert_eq!(end.phase, Phase::Refused, "{ok}");
        assert!(end.reason.clone().unwrap().contains("of 3 probes in a row"), "{ok}: {:?}", end.reason);
    }
}

#[tokio::test]
async fn an_undefined_live_colour_is_cured_by_force_alone() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.proxy.signal(Signal::KILL);
    cluster.proxy.end(Duration::from_secs(10)).await;
    std::fs::write(cluster.host.path("state/proxy.json"), "torn").unwrap();
    cluster.start_proxy();
    eventually("the proxy answers", || async { cluster.state().await.proxy_trouble.is_none().then_some(()) }).await;
    assert_eq!(cluster.live().await, None);
    match cluster.switch(Green, None).finish().await.1 {
        Err(RemoteError::Undefined(why)) => assert!(why.contains("--force"), "{why}"),
        other => panic!("{other:?}"),
    }
    let forced = cluster.switch(Green, Some("the state was torn")).finish().await.1.unwrap();
    assert_eq!((forced.phase, cluster.live().await), (Phase::Done, Some(Green)));
}

#[tokio::test]
async fn a_gate_that_stays_shut_says_what_the_last_probe_saw() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.green.kill().await;
    let report = cluster.remote.gate(Green, Duration::from_millis(600), &[]).await.unwrap();
    assert!(!report.open);
    assert_eq!(report.why, "the last probe failed: connection refused");
    assert_eq!(report.last.unwrap().reason.as_deref(), Some("connection refused"));
}

fn client() -> reqwest::Client {
    fresh(Duration::from_secs(60)).expect("a client")
}

/// A request that blue has begun to answer and does not finish until it is let go.
async fn hold_a_request_on_blue(cluster: &Cluster) -> tokio::task::JoinHandle<String> {
    cluster.blue.set_holding(true);
    let url = format!("http://{}/hold", cluster.host.at(8000));
    let held = tokio::spawn(async move { client().get(url).send().await.expect("an answer").text().await.expect("its body") });
    eventually("blue holds the request", || async { (cluster.blue.held() == 1).then_some(()) }).await;
    held
}
