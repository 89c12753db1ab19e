//! A watcher whose disk is full, stands still, or cannot be written.

use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::{Beat, BeatKind};

use super::stage::Stage;
use crate::harness::{Disk, Host, Process, within};

const WATCHER: &str = env!("CARGO_BIN_EXE_allswell-watcher");
const CHECK: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";
const SOON: Duration = Duration::from_secs(30);

async fn stage(host: Host, disk: &Disk) -> Stage {
    Stage::by(disk.command("rw", WATCHER), host, "", "every = \"1h\"", CHECK).await
}

fn large(stage: &Stage) -> Beat {
    Beat { body: Some("x".repeat(90_000)), ..stage.sender.beat("backup", BeatKind::Success) }
}

/// Everything that was answered 200 is there: it is known when it comes again.
async fn are_known(stage: &Stage, beats: &[Beat]) {
    for beat in beats {
        assert_eq!(stage.sender.send_again(beat).await, Some((200, true)));
    }
}

#[tokio::test]
async fn a_full_disk_is_answered_503_told_from_memory_and_told_again_when_there_is_room() {
    let host = Host::new();
    let disk = Disk::new(&host, "state");
    let stage = stage(host, &disk).await;
    disk.fill(stage.watcher.pid());
    let mut stored = Vec::new();
    let refused = loop {
        let beat = large(&stage);
        match stage.sender.send(&beat).await {
            Some(200) => stored.push(beat),
            answered => break (answered, beat),
        }
    };
    assert_eq!(refused.0, Some(503), "after {} beats", stored.len());
    stage.told("check.down watcher", SOON).await;
    let reason = stage.sink.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("full"), "{reason}");
    disk.empty(stage.watcher.pid());
    stage.told("check.resolved watcher", SOON).await;
    assert_eq!(stage.sender.send_again(&refused.1).await, Some((200, false)));
    are_known(&stage, &stored).await;
}

#[tokio::test]
async fn a_disk_that_stands_still_for_ten_seconds_is_answered_503_told_and_loses_nothing() {
    let host = Host::new();
    let disk = Disk::new(&host, "state");
    let stage = stage(host, &disk).await;
    let before = large(&stage);
    assert_eq!(stage.sender.send(&before).await, Some(200));
    let frozen = disk.freeze(stage.watcher.pid());
    let until = clock::now() + Duration::from_secs(10);
    let meanwhile = large(&stage);
    assert_eq!(stage.sender.send(&meanwhile).await, Some(503));
    stage.told("check.down watcher", SOON).await;
    within(SOON, "ten seconds are over", || async { (clock::now() > until).then_some(()) }).await;
    drop(frozen);
    stage.told("check.resolved watcher", SOON).await;
    are_known(&stage, &[before]).await;
    within(SOON, "it takes beats again", || async { (stage.sender.send(&meanwhile).await == Some(200)).then_some(()) }).await;
    assert_eq!(stage.sender.send_again(&meanwhile).await, Some((200, true)));
}

#[tokio::test]
async fn a_watcher_that_cannot_write_its_store_does_not_start_and_says_why() {
    let host = Host::new();
    let disk = Disk::new(&host, "state");
    let mut stage = stage(host, &disk).await;
    stage.watcher.signal(rustix::process::Signal::TERM);
    stage.watcher.end(SOON).await;
    let log = stage.host.path("read-only.log");
    let mut command = disk.command("ro", WATCHER);
    command.arg("--config").arg(stage.host.path("allswell.toml")).arg("--state").arg(stage.host.path("state"));
    let ended = Process::start(&mut command, &log).end(SOON).await;
    let said = std::fs::read_to_string(log).unwrap();
    assert!(!ended.success() && said.contains("cannot be used: Read-only file system"), "{ended:?}: {said}");
}
