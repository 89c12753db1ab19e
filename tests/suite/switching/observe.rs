//! What takes a switch back while it is observed, beside failing probes, and what ends it.

use std::time::Duration;

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::{OUTSIDE, Phase};
use allswell::net::client::http;
use allswell::proxy::control::{ProxyControl, ShiftOrder};
use rustix::process::Signal;

use crate::harness::system::{config, demo_command, status};
use crate::harness::{Cluster, Host, System, Traffic, eventually};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";

#[tokio::test]
async fn a_colour_that_answers_everybody_but_the_probes_with_errors_is_taken_back() {
    let cluster = Cluster::start("passes = 2\nwithin = \"5s\"\ndrain = \"1s\"\nobserve = \"60s\"", PROBE).await;
    let _traffic = Traffic::to(&format!("http://{}/", cluster.host.at(8000)));
    cluster.green.set_broken(true);
    let end = cluster.switch(Green, None).finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Reverted);
    assert!(
        end.reason.as_deref().is_some_and(|why| why.contains("answers were 5xx or broke off, 0% before the switch")),
        "{:?}",
        end.reason
    );
    assert_eq!(cluster.live().await, Some(Blue));
}

#[tokio::test]
async fn errors_that_were_there_before_take_nothing_back() {
    let cluster = Cluster::start("passes = 2\nwithin = \"5s\"\ndrain = \"1s\"\nobserve = \"3s\"", PROBE).await;
    cluster.blue.set_broken(true);
    cluster.green.set_broken(true);
    let traffic = Traffic::to(&format!("http://{}/", cluster.host.at(8000)));
    let mut failed = 0;
    eventually("blue has answered badly often enough", || {
        failed += traffic.take().failed.len();
        let is_enough = failed > 300;
        async move { is_enough.then_some(()) }
    })
    .await;
    let end = cluster.switch(Green, None).finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
    assert!(traffic.take().failed.len() > 20, "green has answered badly too");
}

#[tokio::test]
async fn silence_of_the_new_colours_heartbeats_takes_it_back() {
    let host = Host::new();
    let text = config(&host, &demo_command(&host), "[switch.gate]\nheartbeats = true\n").replace("observe = \"3s\"", "observe = \"60s\"");
    let system = System::start(host, &text).await;
    system.until("green's heartbeat is heard", |overview| status(overview, "heartbeat-green") == "up").await;
    let heartbeat = system.pid("heartbeat-green-1").await;
    let mut switch =
        system.allswell(&["switch", "green"]).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    system.until("green is live", |overview| overview["live"]["colour"] == "green").await;
    rustix::process::kill_process(heartbeat, Signal::STOP).unwrap();
    let ended = eventually("the switch is taken back", || {
        let ended = switch.try_wait().unwrap();
        async move { ended }
    })
    .await;
    rustix::process::kill_process(heartbeat, Signal::CONT).unwrap();
    assert_eq!(ended.code(), Some(5));
    let history = system.run(&["history"]).await;
    let told = String::from_utf8_lossy(&history.stdout);
    assert!(told.contains("the heartbeats of green are not well"), "{told}");
}

/// Orders the proxy past a prober whose switch to green has come so far.
async fn is_ended_by_another_order(cluster: &Cluster, reached: Phase) {
    let mut switch = cluster.switch(Green, None);
    switch.reach(reached).await;
    let control = ProxyControl::new(&cluster.host.path("state/proxy.sock"), Duration::from_secs(10));
    let ours = control.state().await.unwrap().epoch;
    let epoch = ours + 1;
    control.shift(ShiftOrder { to: Blue, epoch }).await.unwrap();
    let end = switch.finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Interrupted, "{end:?}");
    let why = format!("the proxy serves blue, epoch {epoch}, and no longer green, epoch {ours}: somebody else has ordered it");
    assert!(end.reason.as_ref().is_some_and(|reason| reason.contains(&why)), "{end:?}");
    let found = eventually("the other order stands in the journal", || async {
        Some(cluster.last().await).filter(|entry| entry.asked.by == OUTSIDE)
    })
    .await;
    assert_eq!((found.asked.target, found.epoch), (Blue, epoch));
    let state = cluster.state().await;
    assert_eq!((state.live, state.epoch), (Some(Blue), epoch), "nobody has ordered it since");
}

#[tokio::test]
async fn a_proxy_that_somebody_else_orders_while_it_is_observed_ends_the_switch_and_is_left_as_it_is() {
    let cluster = Cluster::start("passes = 2\nwithin = \"5s\"\ndrain = \"1s\"\nobserve = \"60s\"", PROBE).await;
    is_ended_by_another_order(&cluster, Phase::Drained).await;
}

#[tokio::test]
async fn so_does_one_that_is_ordered_while_old_requests_finish() {
    let cluster = Cluster::start("passes = 2\nwithin = \"5s\"\ndrain = \"60s\"\nobserve = \"60s\"", PROBE).await;
    cluster.blue.set_holding(true);
    let url = format!("http://{}/hold", cluster.host.at(8000));
    let client = http(Duration::from_secs(120)).unwrap();
    let held = tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() });
    eventually("blue holds the request", || async { (cluster.blue.held() == 1).then_some(()) }).await;
    is_ended_by_another_order(&cluster, Phase::Verified).await;
    cluster.blue.set_holding(false);
    assert_eq!(held.await.unwrap(), "held");
}
