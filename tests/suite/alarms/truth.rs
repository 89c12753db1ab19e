//! What makes an alarm true, on the real executable: a watcher that was stopped, and one whose clock was set.

use std::process::Command;
use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::BeatKind;
use rustix::process::Signal;

use super::stage::Stage;
use crate::harness::{OwnClock, eventually, within};

#[tokio::test]
async fn a_watcher_that_was_suspended_tells_of_itself_once_and_of_nobody_who_is_well() {
    let names: Vec<String> = (1..=40).map(|number| format!("job-{number:02}")).collect();
    let tables: String = names.iter().map(|name| format!("[[check]]\nname = \"{name}\"\nperiod = \"1s\"\ngrace = \"2s\"\n")).collect();
    let stage = Stage::new("", &tables).await;
    for name in &names {
        assert_eq!(stage.sender.say(name, BeatKind::Success).await, Some(200));
    }
    stage.watcher.signal(Signal::STOP);
    let deadline = clock::now() + Duration::from_secs(5);
    within(Duration::from_secs(20), "every deadline is past", || async { (clock::now() > deadline).then_some(()) }).await;
    stage.watcher.signal(Signal::CONT);
    stage.told("watcher.blind watcher", 1).await;
    for name in &names {
        assert_eq!(stage.sender.say(name, BeatKind::Success).await, Some(200));
    }
    assert_eq!(stage.ops.told(), ["watcher.blind watcher"]);
    let reason = stage.ops.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("suspended") && reason.contains("deadlines moved once: job-01, job-02"), "{reason}");
    let overview = stage.sender.overview().await.unwrap();
    assert_eq!(overview["incidents"], serde_json::json!([]));
}

#[tokio::test]
async fn a_clock_that_is_set_is_told_and_no_deadline_moves_with_it() {
    let job = "[[check]]\nname = \"backup\"\nperiod = \"3s\"\ngrace = \"2s\"\n[[check]]\nname = \"daily\"\nperiod = \"1d\"\n";
    let mut stage = Stage::new("", job).await;
    let own = OwnClock::new(&stage.host);
    stage.watcher.signal(Signal::TERM);
    stage.watcher.end(Duration::from_secs(10)).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    own.give(&mut command);
    stage.again(&mut command).await;
    assert_eq!(stage.sender.say("daily", BeatKind::Success).await, Some(200));
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    let heard = clock::now();
    own.set(60);
    stage.told("clock.step watcher", 1).await;
    let log = std::fs::read_to_string(stage.host.path("watcher.log")).unwrap();
    assert!(log.contains("the system's clock has stepped"), "{log}");
    eventually("whoever is silent is missed", || async { stage.ops.told().contains(&"check.down backup".to_owned()).then_some(()) }).await;
    assert!(clock::now().since(heard) >= Duration::from_secs(5), "not before its time has passed");
    assert_eq!(stage.ops.told(), ["clock.step watcher", "check.down backup"]);
}
