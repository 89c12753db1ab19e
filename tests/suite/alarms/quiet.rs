//! Mute, pause, maintenance.

use allswell::clock;
use allswell::domain::beat::BeatKind;
use std::time::Duration;

use super::stage::Stage;
use crate::harness::eventually;

const JOBS: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n[[check]]\nname = \"report\"\nperiod = \"1h\"\n";

#[tokio::test]
async fn a_muted_check_is_shown_and_not_told_until_its_time_is_over() {
    let stage = Stage::new("", JOBS).await;
    let ran = stage.run(&["mute", "backup", "--for", "4s", "--note", "new disk"]).await;
    assert!(ran.code == 0 && ran.out.contains("backup muted by ") && ran.out.contains("(new disk)"), "{ran:?}");
    assert_eq!(stage.run(&["mute", "backup"]).await.code, 2, "--for is required");
    assert_eq!(stage.run(&["mute", "nothing", "--for", "1h"]).await.code, 1);
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    assert_eq!(stage.sender.say("report", BeatKind::Fail).await, Some(200));
    stage.told("check.down report", 1).await;
    assert_eq!(stage.ops.told(), ["check.down report"]);
    let status = stage.run(&["status"]).await.out;
    assert!(status.contains("backup muted by") && status.contains("open incidents: 2"), "{status}");
    let (_, page) = stage.sender.get("/").await.unwrap();
    assert!(page.contains("Quiet now") && page.contains("Not told: muted by"), "{page}");
    stage.told("check.down backup", 1).await;
}

#[tokio::test]
async fn a_paused_check_is_expected_of_nothing_until_it_is_resumed() {
    let stage = Stage::new("", "[[check]]\nname = \"ticker\"\nperiod = \"1s\"\ngrace = \"1s\"\n").await;
    assert_eq!(stage.run(&["pause", "ticker", "--for", "1h"]).await.code, 0);
    eventually("it is shown as paused", || async {
        let overview = stage.sender.overview().await?;
        overview["checks"].as_array()?.iter().any(|check| check["name"] == "ticker" && check["status"] == "paused").then_some(())
    })
    .await;
    let ran = stage.run(&["resume", "ticker"]).await;
    assert_eq!((ran.code, ran.out.trim()), (0, "ticker is no longer paused"));
    let resumed = clock::now();
    stage.told("check.down ticker", 1).await;
    let since = stage.ops.taken()[0].body["data"]["since"].as_str().unwrap().to_owned();
    assert!(since > resumed.to_string(), "it begins anew: {since} and {resumed}");
    assert_eq!(stage.run(&["resume", "ticker"]).await.code, 1);
}

#[tokio::test]
async fn a_maintenance_window_ends_with_what_is_still_down() {
    let now = clock::now();
    let (from, to) = (now, now + Duration::from_secs(6));
    let window = format!("[[maintenance]]\nname = \"new disk\"\nchecks = [\"backup\"]\nfrom = \"{from}\"\nto = \"{to}\"\n");
    let stage = Stage::new("", &format!("{JOBS}{window}")).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    assert_eq!(stage.sender.say("report", BeatKind::Fail).await, Some(200));
    stage.told("check.down report", 1).await;
    let status = stage.run(&["status"]).await.out;
    assert!(status.contains("backup under maintenance \"new disk\""), "{status}");
    stage.told("check.down backup", 1).await;
    let told_at = stage.ops.taken().last().unwrap().body["timestamp"].as_str().unwrap().to_owned();
    assert!(told_at >= to.to_string(), "{told_at} and {to}");
}
