//! A watcher whose store is a PostgreSQL server: the server ends, or stands still, and somebody hears why.

use std::time::Duration;

use allswell::domain::beat::BeatKind;
use rustix::process::Signal;

use super::stage::Stage;
use crate::harness::{Host, Postgres, within};

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
