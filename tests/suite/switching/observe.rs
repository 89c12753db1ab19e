//! What takes a switch back while it is observed, beside failing probes.

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
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
    assert!(end.reason.as_deref().is_some_and(|why| why.contains("answers were 5xx, 0% before the switch")), "{:?}", end.reason);
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
