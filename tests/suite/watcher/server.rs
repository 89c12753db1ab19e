//! A watcher whose store is a PostgreSQL server: the server ends, or stands still, and somebody hears why.

use std::process::Command;
use std::time::Duration;

use allswell::domain::beat::BeatKind;
use rustix::process::Signal;

use super::stage::Stage;
use crate::harness::{Host, Postgres, Relay, within};

const CHECK: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";

async fn stage(server: &Postgres) -> Stage {
    let store = format!("store = \"{}\"", server.database().await);
    Stage::on(Host::new(), &store, "every = \"1h\"", CHECK).await
}

async fn healthz(stage: &Stage, wanted: u16) {
    within(Duration::from_secs(15), &format!("/healthz says {wanted}"), || async {
        let (status, _) = stage.sender.get("/healthz").await?;
        (status == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_ends_is_answered_503_told_from_memory_and_told_again_when_it_is_back() {
    let server = Postgres::start().await;
    let stage = stage(&server).await;
    let beat = stage.sender.beat("backup", BeatKind::Success);
    assert_eq!(stage.sender.send(&beat).await, Some(200));
    server.stop();
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(503));
    healthz(&stage, 503).await;
    stage.told("check.down watcher", Duration::from_secs(15)).await;
    server.again().await;
    healthz(&stage, 200).await;
    assert_eq!(stage.sender.send_again(&beat).await, Some((200, true)), "what was acknowledged is there");
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    stage.told("check.resolved watcher", Duration::from_secs(15)).await;
}

#[tokio::test]
async fn a_server_that_is_cut_off_is_told_from_memory_and_found_again_though_no_connection_ever_ends() {
    let server = Postgres::start().await;
    let url = server.database().await;
    let name = url.split(['/', '?']).nth(3).expect("a database").to_owned();
    let host = Host::new();
    let relay = Relay::start(&host.at(5432), server.socket()).await;
    let store = format!("store = \"postgres://allswell@{}/{name}\"", host.at(5432));
    let stage = Stage::on(host, &store, "every = \"1h\"", CHECK).await;
    let beat = stage.sender.beat("backup", BeatKind::Success);
    assert_eq!(stage.sender.send(&beat).await, Some(200));
    relay.cut();
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(503));
    healthz(&stage, 503).await;
    stage.told("check.down watcher", Duration::from_secs(15)).await;
    relay.mend();
    stage.told("check.resolved watcher", Duration::from_secs(90)).await;
    assert_eq!(stage.sender.send_again(&beat).await, Some((200, true)));
}

#[tokio::test]
async fn a_server_that_takes_no_more_writes_is_answered_503_told_from_memory_and_told_again_when_it_does() {
    let server = Postgres::start().await;
    let stage = stage(&server).await;
    let beat = stage.sender.beat("backup", BeatKind::Success);
    assert_eq!(stage.sender.send(&beat).await, Some(200));
    server.set_read_only(true).await;
    within(Duration::from_secs(15), "a beat is refused", || async {
        (stage.sender.say("backup", BeatKind::Success).await == Some(503)).then_some(())
    })
    .await;
    stage.told("check.down watcher", Duration::from_secs(15)).await;
    let reason = stage.sink.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("read-only"), "{reason}");
    server.set_read_only(false).await;
    stage.told("check.resolved watcher", Duration::from_secs(15)).await;
    assert_eq!(stage.sender.send_again(&beat).await, Some((200, true)));
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
}

#[tokio::test]
async fn a_server_that_stands_still_is_told_from_memory_and_loses_nothing() {
    let server = Postgres::start().await;
    let stage = stage(&server).await;
    let beat = stage.sender.beat("backup", BeatKind::Success);
    server.signal_all(Signal::STOP);
    assert_eq!(stage.sender.send(&beat).await, Some(503));
    healthz(&stage, 503).await;
    stage.told("check.down watcher", Duration::from_secs(15)).await;
    server.signal_all(Signal::CONT);
    healthz(&stage, 200).await;
    assert_eq!(stage.sender.send(&beat).await, Some(200));
    stage.told("check.resolved watcher", Duration::from_secs(15)).await;
}

#[test]
fn a_server_that_is_not_there_is_told_once_and_with_what_to_look_at() {
    let host = Host::new();
    let (watcher, server) = (host.at(7700), host.at(5432));
    let config = format!(
        "[runtime]\ncommand = \"x\"\n[watcher]\nlisten = \"{watcher}\"\nbeat_key = \"k\"\nstore = \"postgres://allswell@{server}/watcher\"\n"
    );
    std::fs::write(host.path("allswell.toml"), config).expect("a config");
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    let ended = command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state")).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("{server} does not let us in")) && said.contains("Is PostgreSQL running there"), "{said}");
    assert_eq!(said.matches("Connection refused").count(), 1, "{said}");
}
