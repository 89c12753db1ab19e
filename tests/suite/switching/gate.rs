//! The gate, beyond passing probes.

use std::time::Duration;

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use rustix::process::Signal;

use crate::harness::system::{config, demo_command};
use crate::harness::{Cluster, Host, Moody, System, eventually};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
const SWITCH: &str = "passes = 2\nwithin = \"600ms\"\ndrain = \"1s\"\nobserve = \"100ms\"";

/// A cluster with this gate.
async fn cluster(gate: &str) -> Cluster {
    Cluster::start(SWITCH, &format!("{PROBE}[switch.gate]\n{gate}\n")).await
}

/// Why the switch to green is refused; none where it is done.
async fn refusal(cluster: &Cluster) -> Option<String> {
    let end = cluster.switch(Green, None).finish().await.1.unwrap();
    match end.phase {
        Phase::Done => None,
        Phase::Refused => Some(end.reason.unwrap_or_default()),
        other => panic!("{other}: {:?}", end.reason),
    }
}

async fn is_refused(gate: &str, words: &str) {
    let cluster = cluster(gate).await;
    let why = refusal(&cluster).await.expect("it is refused");
    assert!(why.contains(words), "{why}");
    assert_eq!(cluster.live().await, Some(Blue));
}

async fn is_done(gate: &str) {
    assert_eq!(refusal(&cluster(gate).await).await, None);
}

#[tokio::test]
async fn by_status_body_and_header_of_a_path_of_its_own() {
    is_refused("path = \"/\"\nstatus = [\"204\", \"300-399\"]", "3002/: answered 200").await;
    is_refused("path = \"/\"\ncontains = \"purple\"", "answered 200 without \"purple\" in it").await;
    is_refused("path = \"/\"\nheader = \"content-type: text/html\"", "answered with content-type: text/plain; charset=utf-8").await;
    is_done("path = \"/\"\nstatus = \"200\"\ncontains = \"green\"\nheader = [\"content-type\"]\nlatency = \"1s\"").await;
}

#[tokio::test]
async fn by_latency() {
    let cluster = cluster("latency = \"50ms\"").await;
    cluster.green.set_delay(Duration::from_millis(100));
    let why = refusal(&cluster).await.expect("it is refused");
    assert!(why.contains("later than 50ms"), "{why}");
    cluster.green.set_delay(Duration::ZERO);
    assert_eq!(refusal(&cluster).await, None);
}

#[tokio::test]
async fn by_a_websocket_handshake() {
    is_refused("websocket = \"/\"", "3002/: no WebSocket opens: answered 200, not 101").await;
    is_done("websocket = \"/ws\"").await;
}

#[tokio::test]
async fn by_the_proxy_s_own_way_to_the_colour() {
    let mut cluster = cluster("").await;
    // The prober knows where green is; the proxy was started when it was said to be elsewhere.
    let (config, elsewhere) = (cluster.host.path("allswell.toml"), cluster.host.at(3009));
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(&cluster.host.at(3002), &elsewhere)).unwrap();
    cluster.proxy.signal(Signal::KILL);
    cluster.proxy.end(Duration::from_secs(10)).await;
    cluster.start_proxy();
    eventually("the proxy is back", || async { cluster.live().await }).await;
    let why = refusal(&cluster).await.expect("it is refused");
    assert!(why.contains(&format!("the proxy reaches green at none of its addresses: {elsewhere}")), "{why}");
    assert_eq!(cluster.live().await, Some(Blue));
    let _there_too = Moody::start(elsewhere, "green").await;
    assert_eq!(refusal(&cluster).await, None);
}

#[tokio::test]
async fn by_a_smoke_command_whose_last_lines_are_told() {
    let smoke = |script: &str| format!("smoke = \"sh -c '{script}' x {{colour}} {{address}}\"");
    is_refused(&smoke("echo asked $1 at $2; exit 3"), "ended with exit code 3: asked green at 127.").await;
    is_refused(&format!("{}\nsmoke_timeout = \"200ms\"", smoke("echo begun; sleep 60")), "did not end within 200ms: begun").await;
    is_done(&smoke("test $1 = green -a $ALLSWELL_COLOUR = green")).await;
}

#[tokio::test]
async fn force_skips_the_smoke_command_too() {
    let cluster = cluster("smoke = \"false\"").await;
    assert_eq!(cluster.switch(Green, Some("it is wrong")).finish().await.1.unwrap().phase, Phase::Done);
}

#[tokio::test]
async fn by_the_beats_of_its_heartbeats() {
    let host = Host::new();
    let text = config(&host, &demo_command(&host), "[switch.gate]\nheartbeats = true\n");
    let system = System::start(host, &text).await;
    system.until("green's heartbeat is heard", |overview| crate::harness::system::status(overview, "heartbeat-green") == "up").await;
    let heartbeat = system.pid("heartbeat-green-1").await;
    rustix::process::kill_process(heartbeat, Signal::STOP).unwrap();
    system.until("green's heartbeat is missed", |overview| crate::harness::system::status(overview, "heartbeat-green") == "down").await;
    let refused = system.run(&["switch", "green"]).await;
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{told}");
    assert!(told.contains("the heartbeats of green are not well"), "{told}");
    rustix::process::kill_process(heartbeat, Signal::CONT).unwrap();
    system.until("it is heard again", |overview| crate::harness::system::status(overview, "heartbeat-green") == "up").await;
    let done = system.run(&["switch", "green"]).await;
    assert_eq!(done.status.code(), Some(0), "{done:?}");
}
