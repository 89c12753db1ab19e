//! A config is read anew while everything runs.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use allswell::domain::beat::BeatKind;
use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpStream;

use super::stage::Stage;
use crate::harness::{Cluster, allswell, eventually};

const BACKUP: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";
const REPORT: &str = "[[check]]\nname = \"report\"\nperiod = \"1s\"\ngrace = \"1s\"\n";

async fn hash(stage: &Stage) -> Value {
    eventually("the watcher answers", || async { Some(stage.sender.overview().await?["config"]["hash"].clone()) }).await
}

#[tokio::test]
async fn a_reload_takes_checks_and_channels_over_and_closes_no_listener() {
    let stage = Stage::new("", BACKUP).await;
    let before = hash(&stage).await;
    assert_eq!(stage.sender.say("report", BeatKind::Success).await, Some(404));
    stage.rewrite("remind = \"1s\"", REPORT);
    let (is_over, connected) = (AtomicBool::new(false), AtomicUsize::new(0));
    let connecting = async {
        while !is_over.load(Ordering::Relaxed) {
            TcpStream::connect(stage.host.at(7700)).await.expect("a listener that is never closed");
            connected.fetch_add(1, Ordering::Relaxed);
        }
    };
    let reloading = async {
        let ran = allswell(&stage.host, &["reload", "--state", "state", "--json"]).await;
        let said = ran.json()[0].clone();
        assert!(said["trouble"].is_null() && said["config"]["hash"].is_string() && said["config"]["hash"] != before, "{ran:?}");
        stage.told("check.reminder report", 1).await;
        is_over.store(true, Ordering::Relaxed);
        said["config"]["hash"].clone()
    };
    let ((), now) = tokio::join!(connecting, reloading);
    assert!(connected.load(Ordering::Relaxed) > 0);
    assert_eq!(hash(&stage).await, now);
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(404), "it is not expected any more");
    let status = allswell(&stage.host, &["status", "--state", "state"]).await.out;
    assert!(status.contains(&format!("({}), read ", now.as_str().unwrap())), "{status}");
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_is_an_incident_until_it_is_mended() {
    let stage = Stage::new("", BACKUP).await;
    let before = hash(&stage).await;
    stage.rewrite("pears = []\nremind = \"soon\"", BACKUP);
    stage.watcher.signal(Signal::HUP);
    stage.told("check.down config", 1).await;
    let reason = stage.ops.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("did you mean peers?") && reason.contains("\"soon\" is not a duration"), "all errors at once: {reason}");
    assert_eq!((hash(&stage).await, stage.sender.say("backup", BeatKind::Success).await), (before.clone(), Some(200)));
    let ran = allswell(&stage.host, &["reload", "--state", "state"]).await;
    assert!(ran.code == 2 && ran.err.contains("did you mean peers?"), "{ran:?}");

    stage.rewrite("", &BACKUP.replace("1h", "2h"));
    stage.watcher.signal(Signal::HUP);
    stage.told("check.resolved config", 1).await;
    assert_ne!(hash(&stage).await, before);
}

#[tokio::test]
async fn a_bad_file_is_told_of_though_the_store_was_locked_when_it_was_read() {
    let stage = Stage::new("", BACKUP).await;
    let outside = Connection::open(stage.host.path("state/watcher.db")).unwrap();
    outside.execute_batch("BEGIN EXCLUSIVE").unwrap();
    stage.rewrite("pears = []", BACKUP);
    stage.watcher.signal(Signal::HUP);
    eventually("it cannot be written down", || async {
        let log = std::fs::read_to_string(stage.host.path("watcher.log")).ok()?;
        log.contains("that the config is wrong, or right again, is not written down").then_some(())
    })
    .await;
    outside.execute_batch("ROLLBACK").unwrap();
    stage.told("check.down config", 1).await;
}

#[tokio::test]
async fn a_bad_file_that_is_mended_is_over_when_the_watcher_is_started_anew() {
    let mut stage = Stage::new("", BACKUP).await;
    stage.rewrite("pears = []", BACKUP);
    stage.watcher.signal(Signal::HUP);
    stage.told("check.down config", 1).await;
    stage.rewrite("", BACKUP);
    stage.watcher.signal(Signal::TERM);
    stage.watcher.end(Duration::from_secs(10)).await;
    stage.again(&mut Command::new(env!("CARGO_BIN_EXE_allswell-watcher"))).await;
    stage.told("check.resolved config", 1).await;
}

#[tokio::test]
async fn what_cannot_change_while_it_runs_is_refused_by_name() {
    let stage = Stage::new("", BACKUP).await;
    stage.rewrite("store = \"sqlite:other.db\"", BACKUP);
    let ran = allswell(&stage.host, &["reload", "--state", "state"]).await;
    assert!(ran.code == 1 && ran.err.contains("watcher.store cannot change while it runs: restart it"), "{ran:?}");
}

#[tokio::test]
async fn the_prober_takes_switch_settings_over_but_not_during_a_switch() {
    let cluster = Cluster::start("passes = 2\nwithin = \"10s\"\ndrain = \"1s\"\nobserve = \"3s\"", "[probe]\nevery = \"300ms\"\n").await;
    let path = cluster.host.path("allswell.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("observe = \"3s\"", "observe = \"600s\"")).unwrap();
    let mut switch = cluster.switch(Green, None);
    switch.reach(Phase::Verified).await;
    let busy = cluster.remote.reload().await.unwrap_err().to_string();
    assert!(busy.contains("a switch to green by ") && busy.contains("try again"), "{busy}");
    assert_eq!(switch.finish().await.1.unwrap().phase, Phase::Done, "it was not torn from its feet");
    cluster.remote.reload().await.unwrap();
    // The one before it goes on answering for a moment, and refuses.
    let _switch = eventually("it has begun anew, and takes an order", || async {
        let mut switch = cluster.switch(Blue, None);
        switch.reaches(Phase::Verified).await.then_some(switch)
    })
    .await;
    let lease = cluster.state().await.lease.unwrap();
    assert!(lease.until.since(lease.since).as_secs() > 600, "it is observed as long as the new file says: {lease:?}");
}
