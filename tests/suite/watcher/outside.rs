//! Our own all's well to an address that is not ours, and the site seen from outside.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allswell::domain::beat::BeatKind;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use rusqlite::Connection;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::stage::Stage;
use crate::harness::{Host, Superior, eventually, listen};

type Count = Arc<AtomicUsize>;

/// Counts the requests at this address.
async fn counter(address: &str) -> Count {
    async fn count(State(count): State<Count>) -> &'static str {
        count.fetch_add(1, Ordering::Relaxed);
        "ok"
    }
    let counted = Count::default();
    let listener = listen(address).await;
    let router = Router::new().route("/", get(count)).with_state(counted.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    counted
}

#[tokio::test]
async fn the_outside_address_hears_while_work_goes_on_and_nothing_while_the_store_is_locked() {
    let host = Host::new();
    let count = counter(&host.at(9001)).await;
    let outside = format!("outside = \"http://{}/\"\noutside_every = \"300ms\"", host.at(9001));
    let stage = Stage::on(host, &outside, "every = \"1h\"", "").await;
    eventually("the outside address hears", || async { (count.load(Ordering::Relaxed) > 1).then_some(()) }).await;

    let lock = Connection::open(stage.host.path("state/watcher.db")).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    eventually("/healthz says 503", || async { (stage.sender.get("/healthz").await?.0 == 503).then_some(()) }).await;
    let before = count.load(Ordering::Relaxed);
    stage.told("check.down watcher", Duration::from_secs(8)).await;
    assert_eq!(count.load(Ordering::Relaxed), before, "withheld, for over three seconds");

    lock.execute_batch("ROLLBACK").unwrap();
    eventually("the outside address hears again", || async { (count.load(Ordering::Relaxed) > before).then_some(()) }).await;
}

/// Somewhere on the network that takes no connection: whoever tries is left waiting, until the door is opened.
async fn closed_door(address: &str) -> (TcpListener, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address.parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    (listener, TcpStream::connect(address).await.unwrap())
}

#[tokio::test]
async fn a_watcher_that_is_cut_off_with_its_interfaces_up_tells_of_itself_and_blames_nobody() {
    let host = Host::new();
    let door = closed_door(&host.at(9001)).await;
    let outside = format!("outside = \"http://{}/\"", host.at(9001));
    let check = "[[check]]\nname = \"backup\"\nperiod = \"2s\"\ngrace = \"6s\"\n";
    let superior = Superior::of(&host, "notify");
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    superior.over(&mut command, Duration::from_secs(2));
    let stage = Stage::by(command, host, &outside, "every = \"1h\"", check).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    stage.told("check.down watcher", Duration::from_secs(40)).await;
    superior.heard();
    superior.hears(Duration::from_secs(20), "WATCHDOG=1").await;
    let reason = stage.sink.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("reached neither the outside address nor another watcher"), "{reason}");
    tokio::spawn(async move { while door.0.accept().await.is_ok() {} });
    stage.told("watcher.blind watcher", Duration::from_secs(20)).await;
    stage.told("check.resolved watcher", Duration::from_secs(20)).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    let told = stage.sink.told();
    assert!(!told.iter().any(|told| told.ends_with(" backup")), "{told:?}");
}

#[tokio::test]
async fn a_site_that_does_not_answer_is_told_and_written_down() {
    let host = Host::new();
    let site = format!("site = \"http://{}/\"", host.at(9002));
    let log = format!("[log]\ndirectory = \"{}\"\n", host.path("log").display());
    let probe = "every = \"500ms\"\nslow = \"300ms\"\ntimeout = \"400ms\"\nfall = 2\nrise = 1";
    let stage = Stage::on(host, &site, probe, &log).await;
    stage.told("check.down site", Duration::from_secs(8)).await;
    counter(&stage.host.at(9002)).await;
    stage.told("check.resolved site", Duration::from_secs(8)).await;
    let day = std::fs::read_dir(stage.host.path("log")).unwrap().next().unwrap().unwrap().path();
    let lines = std::fs::read_to_string(day).unwrap();
    assert!(lines.lines().next().unwrap().contains(" site not working - "), "{lines}");
    assert!(lines.lines().last().unwrap().contains(" site working 200 "), "{lines}");
}
