//! What somebody orders of the proxy past the prober, and a proxy that has lost what it was ordered.

use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind};
use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::{DIRECTLY, OUTSIDE, Phase};
use allswell::proxy::control::{ProxyControl, ShiftOrder};
use allswell::release::Entry;

use crate::harness::{Beats, Cluster, Host, Ran, Webhook, allswell, eventually};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
const SWITCH: &str = "passes = 2\nwithin = \"10s\"\ndrain = \"1s\"\nobserve = \"300ms\"";

/// A command that is typed beside the cluster.
async fn typed(cluster: &Cluster, words: &[&str]) -> Ran {
    let ran = allswell(&cluster.host, &[words, &["--config", "allswell.toml", "--state", "state"]].concat()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

/// The switch that was made past the prober, once it stands in the journal.
async fn found(cluster: &Cluster) -> Entry {
    let last = || async { cluster.remote.history(1).await.ok()?.pop() };
    eventually("it stands in the journal", || async { last().await.filter(|entry| entry.asked.by.ends_with(OUTSIDE)) }).await
}

fn reason(beat: &Beat) -> &str {
    beat.health.as_ref().and_then(|health| health.reason.as_deref()).unwrap_or_default()
}

#[tokio::test]
async fn what_is_switched_past_a_dead_prober_is_written_down_told_and_rolled_back_when_it_is_back() {
    let host = Host::new();
    let sink = Webhook::start(&host.at(9000), None).await;
    let channel = format!("[[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n", sink.url());
    let mut cluster = Cluster::on(host, &[7700], SWITCH, &format!("{PROBE}{channel}")).await;
    assert_eq!(cluster.switch(Green, None).finish().await.1.unwrap().phase, Phase::Done);
    cluster.kill_prober().await;
    typed(&cluster, &["switch", "blue", "--direct", "--yes"]).await;
    cluster.start_prober();
    let entry = found(&cluster).await;
    assert_eq!((entry.asked.target, entry.origin, entry.phase, entry.epoch), (Blue, Some(Green), Phase::Done, 2));
    assert_eq!(entry.asked.forced.as_deref(), Some(DIRECTLY));
    let typist = entry.asked.by.strip_suffix(&format!(" {OUTSIDE}")).expect("the proxy has said who typed it");
    assert!(typist.contains('@'), "{typist}");
    assert_eq!(entry.reason.as_deref(), Some("the proxy serves blue, epoch 2, where the journal said green, epoch 1"));
    let told = eventually("it is told", || async {
        let switches = sink.taken().into_iter().filter(|taken| taken.kind == "switch.done");
        let mut words = switches.filter_map(|taken| taken.body["data"]["reason"].as_str().map(str::to_owned));
        words.find(|words| words.contains("outside the prober"))
    })
    .await;
    assert!(told.contains(&format!("the switch to blue asked for by {}", entry.asked.by)), "{told}");
    assert!(told.contains("the gate was skipped: directly at the proxy"), "{told}");
    typed(&cluster, &["rollback", "--yes"]).await;
    assert_eq!(cluster.live().await, Some(Green));
    assert_eq!(cluster.remote.history(9).await.unwrap().len(), 3, "each of them stands there once");
}

#[tokio::test]
async fn the_first_switch_of_all_may_be_one_past_the_prober() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    assert_eq!(cluster.remote.history(9).await.unwrap(), []);
    cluster.kill_prober().await;
    typed(&cluster, &["switch", "green", "--direct", "--yes"]).await;
    cluster.start_prober();
    let entry = found(&cluster).await;
    assert_eq!((entry.asked.target, entry.epoch), (Green, 1));
}

#[tokio::test]
async fn whoever_orders_the_proxy_beside_a_prober_that_lives_is_found_by_its_rounds() {
    let cluster = Cluster::start(SWITCH, PROBE).await;
    assert_eq!(cluster.switch(Green, None).finish().await.1.unwrap().phase, Phase::Done);
    let control = ProxyControl::new(&cluster.host.path("state/proxy.sock"), Duration::from_secs(10));
    let epoch = control.state().await.unwrap().epoch + 1;
    control.shift(ShiftOrder { to: Blue, epoch }).await.unwrap();
    let entry = found(&cluster).await;
    assert_eq!((entry.asked.target, entry.epoch, entry.asked.by.as_str()), (Blue, epoch, OUTSIDE), "nobody has said who it was");
    let state = cluster.state().await;
    assert_eq!((state.live, state.epoch), (Some(Blue), epoch), "nobody has ordered it since");
}

#[tokio::test]
async fn a_proxy_that_has_lost_its_state_is_told_until_somebody_says_which_colour_is_right() {
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    assert_eq!(cluster.switch(Green, None).finish().await.1.unwrap().phase, Phase::Done);
    cluster.kill_proxy().await;
    std::fs::remove_file(cluster.host.path("state/proxy.json")).unwrap();
    cluster.start_proxy();
    let told = eventually("it is told", || async {
        beats.of("proxy").into_iter().find(|beat| reason(beat).contains("the proxy has lost its state"))
    })
    .await;
    assert_eq!(told.kind, BeatKind::Fail);
    assert!(reason(&told).contains("it serves blue, epoch 0, where the journal says green, epoch 1"), "{}", reason(&told));
    assert_eq!((cluster.live().await, cluster.remote.history(9).await.unwrap().len()), (Some(Blue), 1), "nobody has switched for that");
    typed(&cluster, &["switch", "blue", "--force", "blue is right", "--yes"]).await;
    let entry = cluster.last().await;
    assert_eq!((entry.asked.target, entry.asked.forced.as_deref(), entry.phase), (Blue, Some("blue is right"), Phase::Done));
    let before = beats.of("proxy").len();
    eventually("the proxy is well", || async { beats.of("proxy").into_iter().skip(before).find(|beat| beat.kind == BeatKind::Success) })
        .await;
    assert_eq!(cluster.live().await, Some(Blue));
}
