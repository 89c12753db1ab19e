//! Stories about: a prober that dies in the middle of a switch.

use std::time::Duration;

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use allswell::net::client::http;
use allswell::store::{Asked, Intent, Taken, What};
use rustix::process::Signal;

use crate::harness::{Cluster, Traffic, eventually};

/// Probes every 300 ms.
const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
const SWITCH: &str = "passes = 3\nwithin = \"30s\"\ndrain = \"30s\"\nobserve = \"2s\"";

#[tokio::test]
async fn killed_before_the_gate_it_is_closed_as_interrupted() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.green.set_failing(true);
    cluster.switch(Green, None).reach(Phase::Intended).await;
    cluster.kill_prober().await;
    cluster.green.set_failing(false);
    cluster.start_prober();
    let entry = cluster.ended().await;
    assert_eq!(entry.phase, Phase::Interrupted);
    assert_eq!(entry.reason.as_deref(), Some("the prober ended at intended; the proxy is still on blue"));
    let state = cluster.state().await;
    assert_eq!((state.live, state.lease), (Some(Blue), None));
}

#[tokio::test]
async fn killed_between_gate_and_shift_it_changes_nothing_until_the_proxy_answers() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.green.set_failing(true);
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Intended).await;
    cluster.proxy.signal(Signal::STOP);
    cluster.green.set_failing(false);
    switch.reach(Phase::Gated).await;
    cluster.kill_prober().await;
    cluster.start_prober();
    let log = cluster.host.path("prober.log");
    eventually("the prober says that it changes nothing", || async {
        std::fs::read_to_string(&log).ok()?.contains("nothing is changed, and it is asked again").then_some(())
    })
    .await;
    assert_eq!(cluster.last().await.phase, Phase::Gated);
    cluster.proxy.signal(Signal::CONT);
    // The order may have reached the proxy or not: the journal says what the proxy does.
    let wanted = match cluster.ended().await.phase {
        Phase::Done => Green,
        Phase::Interrupted => Blue,
        other => panic!("{other}"),
    };
    assert_eq!(cluster.live().await, Some(wanted));
}

#[tokio::test]
async fn killed_after_the_shift_it_is_verified_again_and_goes_on() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    kill_at_shifted(&mut cluster).await;
    cluster.start_prober();
    let entry = cluster.ended().await;
    assert_eq!(entry.phase, Phase::Done);
    let phases: Vec<Phase> = entry.steps.iter().map(|step| step.phase).collect();
    assert_eq!(phases, [Phase::Intended, Phase::Gated, Phase::Shifted, Phase::Verified, Phase::Drained, Phase::Done]);
    assert_eq!(cluster.live().await, Some(Green));
}

#[tokio::test]
async fn killed_after_the_shift_it_goes_back_where_the_new_colour_fails() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    kill_at_shifted(&mut cluster).await;
    cluster.green.set_failing(true);
    cluster.start_prober();
    let entry = cluster.ended().await;
    assert_eq!(entry.phase, Phase::Reverted);
    assert!(entry.reason.unwrap().contains("the front door failed: answered 500"));
    let state = cluster.state().await;
    assert_eq!((state.live, state.lease), (Some(Blue), None));
}

#[tokio::test]
async fn killed_while_it_drains_it_drains_on_and_finishes() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.blue.set_holding(true);
    let url = format!("http://{}/hold", cluster.host.at(8000));
    let client = http(Duration::from_secs(60)).unwrap();
    let held = tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() });
    eventually("blue holds the request", || async { (cluster.blue.held() == 1).then_some(()) }).await;
    cluster.switch(Green, None).reach(Phase::Verified).await;
    cluster.kill_prober().await;
    cluster.start_prober();
    assert_eq!(cluster.last().await.phase, Phase::Verified);
    cluster.blue.set_holding(false);
    assert_eq!(cluster.ended().await.phase, Phase::Done);
    assert_eq!(held.await.unwrap(), "held");
}

#[tokio::test]
async fn killed_while_it_observes_it_observes_again() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.switch(Green, None).reach(Phase::Drained).await;
    cluster.kill_prober().await;
    cluster.green.set_failing(true);
    cluster.start_prober();
    let entry = cluster.ended().await;
    assert_eq!(entry.phase, Phase::Reverted, "{entry:?}");
    assert_eq!(cluster.live().await, Some(Blue));
}

#[tokio::test]
async fn killed_while_it_observes_it_still_knows_what_was_answered_before() {
    let mut cluster = Cluster::start("passes = 3\nwithin = \"30s\"\ndrain = \"30s\"\nobserve = \"60s\"", PROBE).await;
    let _traffic = Traffic::to(&format!("http://{}/", cluster.host.at(8000)));
    cluster.switch(Green, None).reach(Phase::Drained).await;
    cluster.kill_prober().await;
    // Its health is as good as ever.
    cluster.green.set_broken(true);
    cluster.start_prober();
    let entry = cluster.ended().await;
    assert_eq!(entry.phase, Phase::Reverted, "{entry:?}");
    assert!(entry.reason.as_deref().is_some_and(|why| why.contains("answers were 5xx or broke off, 0% before the switch")), "{entry:?}");
    assert_eq!(cluster.live().await, Some(Blue));
}

#[tokio::test]
async fn a_lease_outlives_the_prober() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    let order = allswell::release::DeployOrder {
        act: allswell::release::Act::Deploy,
        colour: Green,
        version: None,
        instances: None,
        by: "bob".into(),
        timeout_ms: 600_000,
        live: None,
    };
    let lease = cluster.remote.begin_deploy(&order).await.unwrap();
    cluster.kill_prober().await;
    cluster.start_prober();
    assert_eq!(cluster.state().await.lease.unwrap().entry, lease.id);
    let end = allswell::release::DeployEnd { ok: false, reason: Some("it never got healthy".into()), output: None };
    cluster.remote.end_deploy(&lease, &end).await.unwrap();
    assert_eq!(cluster.last().await.reason.as_deref(), Some("it never got healthy"));
}

#[tokio::test]
async fn stopped_for_longer_than_its_lease_it_orders_nothing_any_more() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    cluster.green.set_failing(true);
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Intended).await;
    let epoch = cluster.state().await.epoch;
    let entry = cluster.last().await;
    cluster.stopped_until_its_time_was_over(&entry).await;
    cluster.green.set_failing(false);
    cluster.prober.signal(Signal::CONT);
    let end = switch.finish().await.1.unwrap();
    // A round of the prober may have closed it before it ended itself.
    assert!(matches!(end.phase, Phase::Refused | Phase::Interrupted), "{end:?}");
    assert!(end.reason.as_deref().is_some_and(|why| why.contains("its time was over")), "{:?}", end.reason);
    let state = cluster.state().await;
    assert_eq!((state.live, state.epoch), (Some(Blue), epoch), "the proxy was never ordered");
}

#[tokio::test]
async fn closed_by_another_order_while_it_was_stopped_it_ends_as_the_journal_has_it() {
    let cluster = Cluster::start("passes = 3\nwithin = \"30s\"\ndrain = \"30s\"\nobserve = \"60s\"", PROBE).await;
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Drained).await;
    let entry = cluster.last().await;
    let journal = cluster.stopped_until_its_time_was_over(&entry).await;
    // Long enough for somebody else to begin.
    let now = allswell::clock::now();
    let asked = Asked { target: Green, version: None, by: "bob@desk".into(), forced: None, instances: None };
    let until = now + Duration::from_secs(60);
    let intent = Intent { what: What::Deploy, asked, origin: Some(Green), proxy_epoch: entry.epoch, until, configured: 1 };
    assert!(matches!(journal.take(intent, now).await.unwrap(), Taken::Ours(_)));
    // By itself it would say that it stays, for somebody else is under way.
    cluster.green.set_failing(true);
    cluster.prober.signal(Signal::CONT);
    let end = switch.finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Interrupted, "{end:?}");
    assert!(end.reason.as_deref().is_some_and(|why| why.starts_with("its time was over at ")), "{:?}", end.reason);
    let url = format!("http://{}/metrics", cluster.host.at(7703));
    let metrics = http(Duration::from_secs(10)).unwrap().get(url).send().await.unwrap().text().await.unwrap();
    for counted in ["{outcome=\"interrupted\"} 1", "{outcome=\"stayed\"} 0"] {
        assert!(metrics.contains(&format!("allswell_switches_total{counted}")), "{counted}: {metrics}");
    }
    assert_eq!(cluster.live().await, Some(Green));
}

/// Kills the prober while it verifies: each front-door answer takes its time.
async fn kill_at_shifted(cluster: &mut Cluster) {
    cluster.green.set_delay(Duration::from_millis(500));
    cluster.switch(Green, None).reach(Phase::Shifted).await;
    cluster.kill_prober().await;
    cluster.green.set_delay(Duration::ZERO);
}
