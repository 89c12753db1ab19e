//! Reminders and escalation, and who ends them.

use allswell::domain::beat::{BeatKind, Live};
use allswell::domain::colour::Colour;

use super::stage::Stage;
use crate::harness::eventually;

const JOB: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";
const PLAN: &str = "remind = \"1s\"\nescalate = { after = \"2s\", to = [\"boss\"] }";

#[tokio::test]
async fn an_alarm_is_reminded_of_and_escalated_until_somebody_acknowledges_it() {
    let stage = Stage::new(PLAN, JOB).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    stage.told("check.reminder backup", 2).await;
    eventually("the boss is told", || async { stage.boss.told().contains(&"check.down backup".to_owned()).then_some(()) }).await;

    let ran = stage.run(&["ack", "backup", "--note", "on my way"]).await;
    assert!(ran.code == 0 && ran.out.starts_with("backup is acknowledged by "), "{ran:?}");
    // What was on its way has arrived when another alarm has.
    let reminders = || stage.ops.told().iter().filter(|told| *told == "check.reminder backup").count();
    let before = eventually("no reminder is on its way", || async {
        let overview = stage.sender.overview().await?;
        let notices = overview["notices"].as_array()?;
        notices.iter().all(|notice| notice["taken_at"].is_string()).then(reminders)
    })
    .await;
    assert_eq!(stage.sender.say("prober", BeatKind::Fail).await, Some(200));
    stage.told("check.reminder prober", 2).await;
    assert_eq!(reminders(), before, "two more intervals have passed");

    let ran = stage.run(&["ack", "backup", "--json"]).await;
    assert_eq!(ran.json()["acknowledged"]["note"], "on my way", "the first one stays on the record");
    let status = stage.run(&["status"]).await.out;
    assert!(status.contains("(on my way)"), "{status}");
    let (_, page) = stage.sender.get("/").await.unwrap();
    assert!(page.contains("acknowledged by") && page.contains("on my way"), "{page}");
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    stage.told("check.resolved backup", 1).await;
    eventually("the boss hears the end", || async { (stage.boss.told().last()? == "check.resolved backup").then_some(()) }).await;
}

#[tokio::test]
async fn what_becomes_critical_is_told_at_once_though_it_was_acknowledged() {
    let stage = Stage::new("", "").await;
    let live = |colour, epoch| Live { colour: Some(colour), epoch, ..Live::default() };
    let sender = &stage.sender;
    assert_eq!(sender.send(&sender.prober(live(Colour::Blue, 1))).await, Some(200));
    for _ in 0..3 {
        assert_eq!(sender.say("green", BeatKind::Fail).await, Some(200));
    }
    stage.told("check.down green", 1).await;
    assert_eq!(stage.run(&["ack"]).await.code, 0);
    assert_eq!(sender.send(&sender.prober(live(Colour::Green, 2))).await, Some(200));
    stage.told("check.reminder green", 1).await;
    assert_eq!(stage.ops.taken().last().unwrap().body["data"]["severity"], "critical");
}

#[tokio::test]
async fn whoever_has_no_token_acknowledges_nothing() {
    let stage = Stage::new("", JOB).await;
    assert_eq!(stage.run(&["ack"]).await.code, 1, "nothing is open");
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    for (path, body) in [("acknowledge", "{\"by\":\"eve\"}"), ("quiet", "{}"), ("resume", "{}")] {
        for token in [None, Some("wrong")] {
            assert_eq!(stage.order(path, token, body).await, 401, "{path}");
        }
    }
    let incidents = stage.sender.overview().await.unwrap()["incidents"].clone();
    assert_eq!((incidents.as_array().unwrap().len(), &incidents[0]["acknowledged"]), (1, &serde_json::Value::Null));
}
