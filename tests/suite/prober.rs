//! Stories about: what the prober tells.

use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind, Showing};
use allswell::domain::colour::Colour;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit};

use crate::harness::{Beats, Cluster, Host, eventually, within};

/// Probes every 300 ms.
const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";

async fn next(beats: &Beats, check: &str, what: &str, wanted: impl Fn(&Beat) -> bool) -> Beat {
    let before = beats.of(check).len();
    eventually(what, || async { beats.of(check).into_iter().skip(before).find(&wanted) }).await
}

fn reason(beat: &Beat) -> &str {
    beat.health.as_ref().and_then(|health| health.reason.as_deref()).unwrap_or_default()
}

#[tokio::test]
async fn both_colours_are_told_working_long_before_the_first_interval_ends() {
    let cluster = Cluster::start("", "[probe]\nevery = \"60s\"\n").await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    for check in ["blue", "green", "proxy", "preview"] {
        let told = within(Duration::from_secs(10), check, || async { beats.of(check).pop() }).await;
        assert_eq!((told.kind, told.health.unwrap().showing), (BeatKind::Success, Showing::Good), "{check}");
    }
}

#[tokio::test]
async fn a_dead_colour_is_told_with_the_moment_at_which_its_run_began() {
    let mut cluster = Cluster::start("", PROBE).await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    cluster.green.kill().await;
    let first = next(&beats, "green", "a fail", |beat| beat.kind == BeatKind::Fail).await;
    // A probe that was under way sees its connection end.
    assert!(["connection refused", "connection reset"].contains(&reason(&first)), "{}", reason(&first));
    let second = next(&beats, "green", "another fail", |beat| beat.kind == BeatKind::Fail).await;
    let since = |beat: &Beat| beat.health.as_ref().and_then(|health| health.since);
    assert!(since(&first).is_some());
    assert_eq!(since(&first), since(&second));
    let preview = next(&beats, "preview", "the preview fails too", |beat| beat.kind == BeatKind::Fail).await;
    assert_eq!(reason(&preview), "answered 502");
    cluster.green.revive().await;
    let well = next(&beats, "green", "a success", |beat| beat.kind == BeatKind::Success).await;
    assert_eq!(since(&well), None);
    assert!(beats.of("blue").iter().all(|beat| beat.kind == BeatKind::Success));
}

#[tokio::test]
async fn its_own_beat_says_what_is_live_and_what_is_under_way() {
    let cluster = Cluster::start("", PROBE).await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    let own = next(&beats, "prober", "all's well", |_| true).await;
    let live = own.live.unwrap();
    assert_eq!((own.kind, live.colour, live.phase, live.deploy), (BeatKind::Success, Some(Colour::Blue), None, None));
    let order = allswell::release::DeployOrder {
        act: allswell::release::Act::Deploy,
        colour: Colour::Green,
        version: None,
        instances: None,
        by: "bob".into(),
        timeout_ms: 60_000,
        live: None,
    };
    let lease = cluster.remote.begin_deploy(&order).await.unwrap();
    let deploy = |beat: &Beat| beat.live.as_ref().and_then(|live| live.deploy.clone());
    let during = next(&beats, "prober", "the deploy is told", |beat| deploy(beat).is_some()).await;
    let told = deploy(&during).unwrap();
    assert_eq!((told.colour, told.until), (Colour::Green, lease.until));
}

#[tokio::test]
async fn a_dead_proxy_is_told_and_leaves_live_undefined() {
    let mut cluster = Cluster::start("", PROBE).await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    cluster.proxy.signal(Signal::KILL);
    cluster.proxy.end(Duration::from_secs(10)).await;
    // A probe that was under way sees its connection end; the next one is refused.
    next(&beats, "proxy", "the proxy fails", |beat| beat.kind == BeatKind::Fail && reason(beat) == "front door: connection refused").await;
    let own = next(&beats, "prober", "live is undefined", |beat| beat.live.as_ref().is_some_and(|live| live.colour.is_none())).await;
    assert_eq!(own.kind, BeatKind::Success, "the prober itself is well");
    assert!(cluster.state().await.proxy_trouble.is_some());
}

#[tokio::test]
async fn a_stuck_watcher_delays_nothing_and_the_other_hears_of_it() {
    let cluster = Cluster::on(Host::new(), &[7700, 7710], "", PROBE).await;
    Beats::start_stuck(cluster.host.at(7700)).await;
    let beats = Beats::start(cluster.host.at(7710)).await;
    let stuck = format!("watcher-{}", cluster.host.at(7700));
    let told = next(&beats, &stuck, "the stuck watcher is told", |beat| reason(beat) == "no answer in time").await;
    assert_eq!(told.kind, BeatKind::Fail);
    let own = beats.of("prober").len();
    within(Duration::from_secs(5), "rounds go on", || async { (beats.of("prober").len() >= own + 4).then_some(()) }).await;
    let watchers = cluster.state().await.watchers;
    let acknowledged: Vec<bool> = watchers.iter().map(|watcher| watcher.acknowledged_at.is_some()).collect();
    assert_eq!(acknowledged, [false, true]);
    let client = allswell::net::client::http(Duration::from_secs(10)).unwrap();
    let metrics = client.get(format!("http://{}/metrics", cluster.host.at(7703))).send().await.unwrap().text().await.unwrap();
    let row = format!("allswell_watcher_acknowledged_seconds{{watcher=\"{stuck}\"}} ");
    assert!(metrics.contains(&row), "it never took a beat, and that grows old too: {metrics}");
}

#[tokio::test]
async fn out_of_file_descriptors_it_says_so_and_blames_no_colour() {
    let cluster = Cluster::start("", PROBE).await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    next(&beats, "prober", "all's well", |beat| beat.kind == BeatKind::Success).await;
    let usual = getrlimit(Resource::Nofile);
    // What is open stays open; nothing more can be opened.
    prlimit(Some(cluster.prober.pid()), Resource::Nofile, Rlimit { current: Some(3), ..usual }).unwrap();
    let told = next(&beats, "prober", "it says that it cannot", |beat| beat.kind == BeatKind::Fail).await;
    assert!(reason(&told).contains("out of file descriptors"), "{}", reason(&told));
    prlimit(Some(cluster.prober.pid()), Resource::Nofile, usual).unwrap();
    next(&beats, "prober", "all's well again", |beat| beat.kind == BeatKind::Success).await;
    for colour in ["blue", "green"] {
        assert!(beats.of(colour).iter().all(|beat| beat.kind == BeatKind::Success), "{colour} was blamed");
    }
}

#[tokio::test]
async fn a_disk_that_stands_still_is_told_by_name_and_blames_no_colour() {
    let (cluster, disk) = Cluster::on_a_disk(PROBE).await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    next(&beats, "prober", "all's well", |beat| beat.kind == BeatKind::Success).await;
    let frozen = disk.freeze(cluster.prober.pid());
    let told = next(&beats, "prober", "it says that it cannot", |beat| beat.kind == BeatKind::Fail).await;
    // Who writes what was observed or who reads the journal is the first to wait.
    let said = ["its store does not work", "its journal does not work"];
    assert!(said.iter().any(|words| reason(&told).contains(words)), "{}", reason(&told));
    for check in ["blue", "green", "proxy", "preview"] {
        next(&beats, check, "it still looks, through the proxy too", |_| true).await;
    }
    drop(frozen);
    next(&beats, "prober", "all's well again", |beat| beat.kind == BeatKind::Success).await;
    for check in ["blue", "green", "proxy", "preview"] {
        assert!(beats.of(check).iter().all(|beat| beat.kind == BeatKind::Success), "{check} was blamed");
    }
}

#[tokio::test]
async fn the_days_file_has_a_line_for_each_look_at_each_colour() {
    let cluster = Cluster::start("", &format!("{PROBE}[log]\ndirectory = \"days\"\n")).await;
    let folder = cluster.host.path("state/days");
    cluster.green.set_failing(true);
    eventually("both colours stand in the day's file", || async {
        let file = std::fs::read_dir(&folder).ok()?.next()?.ok()?.path();
        let text = std::fs::read_to_string(file).ok()?;
        let has = |words: &str| text.lines().any(|line| line.contains(words));
        (has(" blue working 200 ") && has(" green not working 500 ")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn its_health_is_open_and_its_control_is_not() {
    let cluster = Cluster::start("", PROBE).await;
    let client = allswell::net::client::http(Duration::from_secs(10)).unwrap();
    let get = |port, path: &str| client.get(format!("http://{}{path}", cluster.host.at(port))).send();
    assert_eq!(get(7703, "/healthz").await.unwrap().status(), 200);
    let metrics = get(7703, "/metrics").await.unwrap().text().await.unwrap();
    assert!(metrics.contains("allswell_probes_total{showing=\"good\",target=\"blue\"}"), "{metrics}");
    assert!(metrics.contains("allswell_live{colour=\"blue\"} 1"), "{metrics}");
    assert_eq!(get(7703, "/v1/state").await.unwrap().status(), 404);
    assert_eq!(get(7701, "/v1/state").await.unwrap().status(), 401);
}

#[tokio::test]
async fn stopped_for_a_while_it_blames_no_colour_for_the_time_in_which_it_did_not_run() {
    let cluster = Cluster::start("", "[probe]\nevery = \"100ms\"\nslow = \"400ms\"\ntimeout = \"500ms\"\nfall = 2\n").await;
    let beats = Beats::start(cluster.host.at(7700)).await;
    next(&beats, "prober", "all's well", |beat| beat.kind == BeatKind::Success).await;
    // Slow enough that probes are under way whenever it is stopped.
    cluster.green.set_delay(Duration::from_millis(350));
    next(&beats, "green", "a slower answer", |beat| beat.health.as_ref().is_some_and(|health| health.latency_ms >= Some(300))).await;
    cluster.prober.signal(Signal::STOP);
    let stopped = allswell::clock::now();
    eventually("it is stopped for three seconds", || async {
        (allswell::clock::now().since(stopped) > Duration::from_secs(3)).then_some(())
    })
    .await;
    cluster.prober.signal(Signal::CONT);
    eventually("it says what happened", || async {
        beats.of("prober").into_iter().find(|beat| beat.kind == BeatKind::Log && reason(beat).contains("held up"))
    })
    .await;
    next(&beats, "prober", "all's well again", |beat| beat.kind == BeatKind::Success).await;
    assert!(beats.of("prober").iter().all(|beat| beat.kind != BeatKind::Fail), "the watcher has told its silence already");
    for check in ["blue", "green"] {
        assert!(beats.of(check).iter().all(|beat| beat.kind == BeatKind::Success), "{check} was blamed");
    }
}
