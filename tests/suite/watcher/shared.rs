//! Two watchers on one PostgreSQL: one dies or stands still with claims taken, and everything is told by the other.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use allswell::domain::beat::BeatKind;
use rustix::process::Signal;

use super::stage::{KEY, Stage};
use crate::harness::{Host, Manner, Postgres, Process, Sender, eventually, within};

/// The claim of a notice whose attempt may take 10 s, and two seconds.
const CLAIM: Duration = Duration::from_secs(12 + 2);
const CHECKS: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n[[check]]\nname = \"silent\"\nperiod = \"3s\"\ngrace = \"5s\"\n";

/// A second watcher with the same config, at another port.
pub(super) async fn second(stage: &Stage) -> (Process, Sender) {
    let config = std::fs::read_to_string(stage.host.path("allswell.toml")).unwrap();
    let config = config.replace(&format!("listen = \"{}\"", stage.host.at(7700)), &format!("listen = \"{}\"", stage.host.at(7710)));
    std::fs::write(stage.host.path("second.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(stage.host.path("second.toml")).arg("--state").arg(stage.host.path("state-2"));
    let process = Process::start(&mut command, &stage.host.path("second.log"));
    let sender = Sender::new(&stage.host.at(7710), KEY);
    eventually("the second watcher answers", || async { sender.get("/healthz").await.filter(|(status, _)| *status == 200) }).await;
    (process, sender)
}

/// How often the sink was told of this incident's beginning.
fn downs(stage: &Stage, check: &str) -> usize {
    stage.sink.told().iter().filter(|told| **told == format!("check.down {check}")).count()
}

/// The first watcher has claimed a notice, and the channel holds its answer; then it gets this signal.
async fn lost_with_claims_taken(signal: Signal) -> (Stage, Process, Sender, Arc<Postgres>) {
    let server = Postgres::shared().await;
    let store = format!("store = \"{}\"", server.database().await);
    let stage = Stage::on(Host::new(), &store, "every = \"1h\"", CHECKS).await;
    stage.sink.set(Manner::Hold);
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    eventually("the first one tells, and is not answered", || async { (downs(&stage, "backup") == 1).then_some(()) }).await;
    stage.watcher.signal(signal);
    let (process, sender) = second(&stage).await;
    stage.sink.set(Manner::Usual);
    within(CLAIM, "the other one tells what was claimed", || async { (downs(&stage, "backup") >= 2).then_some(()) }).await;
    within(CLAIM, "and what falls silent", || async { (downs(&stage, "silent") >= 1).then_some(()) }).await;
    assert_eq!(sender.say("backup", BeatKind::Success).await, Some(200));
    stage.told("check.resolved backup", CLAIM).await;
    (stage, process, sender, server)
}

#[tokio::test]
async fn one_of_two_watchers_is_killed_with_claims_taken_and_all_is_told() {
    let (_stage, _second, _sender, _server) = lost_with_claims_taken(Signal::KILL).await;
}

#[tokio::test]
async fn one_of_two_watchers_is_stopped_with_claims_taken_and_goes_on_later_without_a_word_too_many() {
    let (stage, _second, sender, _server) = lost_with_claims_taken(Signal::STOP).await;
    let told = stage.sink.told().len();
    stage.watcher.signal(Signal::CONT);
    within(CLAIM, "the first one works again", || async { stage.sender.get("/healthz").await.filter(|(status, _)| *status == 200) }).await;
    let beat = stage.sender.beat("backup", BeatKind::Fail);
    assert_eq!(stage.sender.send(&beat).await, Some(200));
    assert_eq!(sender.send_again(&beat).await, Some((200, true)), "both have the same store");
    eventually("the next fault is told", || async { (stage.sink.told().len() > told).then_some(()) }).await;
    assert_eq!(stage.sink.told()[told..], ["check.down backup"], "once, and nothing of the time in which one stood still");
}
