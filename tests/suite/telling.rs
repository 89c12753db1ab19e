//! Stories about: what the prober tells by its own channels.

use allswell::domain::beat::BeatKind;
use allswell::domain::colour::Colour::Green;
use allswell::domain::switch::Phase;

use crate::harness::{Beats, Cluster, Host, Manner, Webhook, eventually};

const SWITCH: &str = "passes = 2\nwithin = \"10s\"\ndrain = \"1s\"\nobserve = \"300ms\"";

/// A cluster that probes every 300 ms, and the sink of its one channel.
async fn start() -> (Cluster, Webhook) {
    let host = Host::new();
    let sink = Webhook::start(&host.at(9000), None).await;
    let probe = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\nrise = 1\n";
    let channel = format!("[[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n", sink.url());
    (Cluster::on(host, &[7700], SWITCH, &format!("{probe}{channel}")).await, sink)
}

async fn told(sink: &Webhook, what: &str) {
    eventually(what, || async { sink.told().contains(&what.to_owned()).then_some(()) }).await;
}

async fn fails(beats: &Beats, check: &str, count: usize) {
    eventually("it is told to the watcher", || async {
        let fails = beats.of(check).iter().filter(|beat| beat.kind == BeatKind::Fail).count();
        (fails >= count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_a_watcher_acknowledges_it_tells_nothing() {
    let host = Host::new();
    let beats = Beats::start(host.at(7700)).await;
    let sink = Webhook::start(&host.at(9000), None).await;
    let probe = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
    let channel = format!("[[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n", sink.url());
    let mut cluster = Cluster::on(host, &[7700], SWITCH, &format!("{probe}{channel}")).await;
    cluster.green.kill().await;
    fails(&beats, "green", 15).await;
    assert_eq!(sink.told(), Vec::<String>::new());
}

#[tokio::test]
async fn with_no_watcher_it_tells_and_hands_over_when_one_is_back() {
    let (mut cluster, sink) = start().await;
    told(&sink, "check.down watcher").await;
    cluster.green.kill().await;
    told(&sink, "check.down green").await;

    let beats = Beats::start(cluster.host.at(7700)).await;
    told(&sink, "check.resolved watcher").await;
    let health = eventually("the watcher hears who was told already", || async {
        beats.of("green").pop()?.health.filter(|health| health.told == ["ops"])
    })
    .await;
    let down = sink.taken().into_iter().find(|taken| taken.body["data"]["check"] == "green").unwrap();
    assert_eq!(down.id, format!("green-{}/check.down/ops", health.since.unwrap().as_millis()), "the key that the watcher will use");
    let said_who = |beat: &allswell::domain::beat::Beat| beat.health.as_ref().is_some_and(|health| health.told == ["ops"]);
    eventually("the watcher has taken it over", || async {
        (beats.of("green").iter().filter(|beat| said_who(beat)).count() >= 3).then_some(())
    })
    .await;
    cluster.green.revive().await;
    eventually("the watcher hears the end", || async { beats.of("green").pop().filter(|beat| beat.kind == BeatKind::Success) }).await;
    let count = beats.of("prober").len();
    eventually("rounds go on", || async { (beats.of("prober").len() > count + 5).then_some(()) }).await;
    // The preview stood behind green, and the rest is the watcher's.
    assert_eq!(sink.told(), ["check.down watcher", "check.down green", "check.resolved watcher"]);
}

#[tokio::test]
async fn what_it_has_told_and_no_watcher_has_taken_over_it_tells_to_the_end() {
    let (mut cluster, sink) = start().await;
    told(&sink, "check.down watcher").await;
    cluster.green.kill().await;
    told(&sink, "check.down green").await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    beats.set_deaf_to("green");
    told(&sink, "check.resolved watcher").await;
    let count = beats.of("prober").len();
    eventually("the watcher listens", || async { (beats.of("prober").len() > count + 3).then_some(()) }).await;
    cluster.green.revive().await;
    told(&sink, "check.resolved green").await;
    assert_eq!(sink.told(), ["check.down watcher", "check.down green", "check.resolved watcher", "check.resolved green"]);
}

#[tokio::test]
async fn a_watcher_that_answers_503_is_down_and_is_told() {
    let (cluster, sink) = start().await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    eventually("beats are taken", || async { beats.of("prober").pop() }).await;
    let before = sink.told().len();
    beats.set_broken(true);
    eventually("it is told", || async { sink.told().iter().skip(before).find(|told| *told == "check.down watcher").cloned() }).await;
    beats.set_broken(false);
    eventually("its end is told", || async { sink.told().pop().filter(|told| told == "check.resolved watcher") }).await;
}

#[tokio::test]
async fn a_switch_that_was_taken_back_is_told_though_a_watcher_listens_and_though_the_prober_dies() {
    let (mut cluster, sink) = start().await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    eventually("beats are taken", || async { beats.of("prober").pop() }).await;
    sink.set(Manner::Refuse(503));
    cluster.green.set_failing(true);
    let end = cluster.switch(Green, Some("a test")).finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Reverted);
    cluster.kill_prober().await;
    cluster.start_prober();
    sink.set(Manner::Usual);
    told(&sink, "switch.reverted switch").await;
    let taken = sink.taken().into_iter().find(|taken| taken.kind == "switch.reverted").unwrap();
    let reason = taken.body["data"]["reason"].as_str().unwrap();
    assert!(reason.contains("ann@desk was taken back: the front door failed: answered 500"), "{reason}");
    assert!(reason.contains("the gate was skipped: a test"), "{reason}");
}
