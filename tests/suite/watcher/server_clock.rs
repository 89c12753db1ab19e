//! The clock of the PostgreSQL server that two watchers share is set.

use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::BeatKind;
use rustix::process::Signal;

use super::shared::second;
use super::stage::Stage;
use crate::harness::{Host, Postgres, Sender, eventually};

/// An hour: by more than five minutes no sender's clock may be wrong, and here none is.
const STEP: i64 = 3_600;
const WELL: &str = "[[check]]\nname = \"minute\"\nperiod = \"60s\"\ngrace = \"60s\"\n[[check]]\nname = \"hour\"\nperiod = \"1h\"\n";
const SILENT: &str = "[[check]]\nname = \"silent\"\nperiod = \"3s\"\ngrace = \"9s\"\n";

async fn stage(server: &Postgres, checks: &str) -> Stage {
    let store = format!("store = \"{}\"", server.database().await);
    Stage::on(Host::new(), &store, "every = \"1h\"", checks).await
}

/// Both take beats, and say that they work.
async fn both_work(stage: &Stage, other: &Sender) {
    for sender in [&stage.sender, other] {
        for check in ["minute", "hour"] {
            eventually("a beat is taken", || async { (sender.say(check, BeatKind::Success).await == Some(200)).then_some(()) }).await;
        }
        eventually("it works", || async { sender.get("/healthz").await.filter(|(status, _)| *status == 200) }).await;
    }
}

/// As soon as the clock was set: one message about that, no alarm, and who is silent is missed in its time.
async fn is_set(by_seconds: i64) {
    let server = Postgres::with_clock().await;
    let stage = stage(&server, &format!("{WELL}{SILENT}")).await;
    assert_eq!(stage.sender.say("silent", BeatKind::Success).await, Some(200));
    let (_second, other) = second(&stage).await;
    both_work(&stage, &other).await;
    assert_eq!(stage.sender.say("silent", BeatKind::Success).await, Some(200));
    let heard = clock::now();
    server.set_clock(by_seconds);
    assert_eq!(stage.sender.say("minute", BeatKind::Success).await, Some(200), "not every sender repeats what was refused");
    stage.told("clock.step watcher", Duration::from_secs(30)).await;
    both_work(&stage, &other).await;
    stage.told("check.down silent", Duration::from_secs(30)).await;
    assert!(clock::now().since(heard) >= Duration::from_secs(12), "not before its time has passed");
    assert_eq!(stage.sink.told(), ["clock.step watcher", "check.down silent"], "by {by_seconds} s");
    let reason = stage.sink.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("the clock of the database stepped by "), "{reason}");
}

#[tokio::test]
async fn a_clock_of_the_database_that_is_set_forward_is_told_once_and_nobody_who_is_well_is_missed() {
    is_set(STEP).await;
}

#[tokio::test]
async fn a_clock_of_the_database_that_is_set_back_is_told_once_and_who_is_silent_is_missed_in_time() {
    is_set(-STEP).await;
}

#[tokio::test]
async fn a_watcher_that_was_stopped_while_the_clock_of_the_database_was_set_goes_on_by_the_new_one() {
    let server = Postgres::with_clock().await;
    let stage = stage(&server, WELL).await;
    let (_second, other) = second(&stage).await;
    both_work(&stage, &other).await;
    stage.watcher.signal(Signal::STOP);
    server.set_clock(STEP);
    stage.told("clock.step watcher", Duration::from_secs(30)).await;
    stage.watcher.signal(Signal::CONT);
    both_work(&stage, &other).await;
    let overview = stage.sender.overview().await.unwrap();
    assert_eq!(overview["incidents"], serde_json::json!([]));
    assert_eq!(stage.sink.told(), ["clock.step watcher"], "once, and nothing of the time in which one stood still");
}
