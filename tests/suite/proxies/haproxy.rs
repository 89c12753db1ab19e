//! HAProxy, driven by its runtime socket.

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use allswell::release::{RemoteError, SwitchOrder};
use rustix::process::Signal;

use super::stage::{Front, Fronted, SWITCH, Stage};
use crate::harness::eventually;

const PROXY: &str = "kind = \"haproxy\"\nsocket = \"{folder}/haproxy.sock\"";

async fn fronted() -> Fronted {
    let stage = Stage::new(PROXY, SWITCH).await;
    let socket = stage.path("haproxy.sock").display().to_string();
    let head = format!(
        "global\n    stats socket {socket} mode 600 level admin expose-fd listeners\n    hard-stop-after 5s\n\
         defaults\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n    option idle-close-on-response\n"
    );
    stage.write_config("haproxy.cfg", &head).await;
    let proxy = start(&stage);
    stage.with(proxy).await
}

fn start(stage: &Stage) -> Front {
    let config = stage.path("haproxy.cfg").display().to_string();
    stage.start(&["/usr/sbin/haproxy", "-W", "-db", "-f", &config])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_switches_under_load_and_loses_nothing() {
    let front = fronted().await;
    front.claims_its_colour_to_the_prober_alone().await;
    let tally = front.switch_under_load(4, 2).await;
    assert_eq!((tally.failed, tally.closed, tally.strays), (vec![], vec![], vec![]));
    front.claims_its_colour_to_the_prober_alone().await;
    assert_eq!(front.state().await.epoch, 4);
}

#[tokio::test]
async fn haproxy_keeps_the_colour_through_a_reload_and_a_restart() {
    let mut front = fronted().await;
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
    reload(&front).await;
    front.is_still(Green).await;
    front.proxy.signal(Signal::TERM);
    front.proxy.end(std::time::Duration::from_secs(20)).await;
    front.proxy = start(&front.stage);
    eventually("the prober sees it again", || async { front.remote.state().await.ok()?.live }).await;
    front.is_still(Green).await;
    assert_eq!(front.state().await.epoch, 1);
}

/// Anybody may reload it.
async fn reload(front: &Fronted) {
    let workers = || std::fs::read_to_string(front.stage.path("front.log")).unwrap_or_default().matches("New worker").count();
    let before = workers();
    front.proxy.signal(Signal::USR2);
    eventually("HAProxy has reloaded", || async { (workers() > before).then_some(()) }).await;
    eventually("a new worker serves", || async { front.remote.state().await.ok()?.live }).await;
}

#[tokio::test]
async fn a_file_that_was_changed_and_its_map_was_not_is_set_right_before_a_reload_goes_by_it() {
    let front = fronted().await;
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
    // As whoever takes the switch back leaves it, and is killed before HAProxy is told.
    let map = front.stage.path("state/allswell.map");
    std::fs::write(&map, "live blue:2\n").unwrap();
    let says = || std::fs::read_to_string(&map).unwrap_or_default();
    eventually("the prober has set it right", || async { (says() == "live green:1\n").then_some(()) }).await;
    reload(&front).await;
    front.is_still(Green).await;
}

#[tokio::test]
async fn a_socket_that_is_gone_refuses_the_switch_before_it_begins() {
    let front = fronted().await;
    let (socket, aside) = (front.stage.path("haproxy.sock"), front.stage.path("aside.sock"));
    std::fs::rename(&socket, &aside).unwrap();
    let order = SwitchOrder { to: Green, force: None, wait: true, by: "ann@desk".into() };
    let refused = front.remote.switch(&order, |_| {}).await.unwrap_err();
    assert!(matches!(&refused, RemoteError::Unreachable(why) if why.contains("haproxy.sock")), "{refused:?}");
    assert!(front.remote.history(1).await.unwrap().is_empty(), "nothing was begun");
    std::fs::rename(&aside, &socket).unwrap();
    front.is_still(Blue).await;
}

#[tokio::test]
async fn a_map_that_cannot_be_written_refuses_the_switch() {
    let front = fronted().await;
    let map = front.stage.path("state/allswell.map");
    std::fs::remove_file(&map).unwrap();
    std::fs::create_dir(&map).unwrap();
    let end = front.switch(Green).await;
    assert_eq!(end.phase, Phase::Refused);
    assert!(end.reason.as_deref().is_some_and(|why| why.contains("allswell.map cannot be written")), "{:?}", end.reason);
    front.is_still(Blue).await;
}

#[tokio::test]
async fn whoever_has_lost_the_lease_meanwhile_writes_nothing_to_haproxy() {
    let front = fronted().await;
    front.a_lost_lease_changes_nothing(Some("state/allswell.map")).await;
    front.is_still(Blue).await;
}
