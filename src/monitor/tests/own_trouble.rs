//! What a watcher tells of its own files.

use uuid::Uuid;

use super::stage::{Stage, at, settings};
use crate::domain::sent::Made;
use crate::monitor::{Monitor, MonitorSettings};
use crate::notify::SendError;

#[tokio::test]
async fn each_of_several_watchers_tells_of_its_own_config_and_ends_nobody_else_s_incident() {
    let stage = Stage::new(&[]).await;
    let other = Monitor::new(stage.monitor.store.clone(), MonitorSettings { name: "two".into(), ..settings(&[]) });
    stage.monitor.config_is(Some("no such key"), at(1_000)).await.unwrap();
    other.config_is(Some("no such key"), at(2_000)).await.unwrap();
    assert_eq!(stage.told("ops", 2_000).await, ["check.down config", "check.down config-two"]);
    other.config_is(None, at(3_000)).await.unwrap();
    assert_eq!(stage.told("ops", 3_000).await, ["check.resolved config-two"]);
    stage.monitor.config_is(None, at(4_000)).await.unwrap();
    assert_eq!(stage.told("ops", 4_000).await, ["check.resolved config"]);
}

#[tokio::test]
async fn only_what_is_a_check_has_a_page_however_it_is_called() {
    let mut config = settings(&["job", "config-backup"]);
    config.name = "two".into();
    let mut stage = Stage::with(config).await;
    let made = Made { uuid: Uuid::nil(), period_ms: 1_000, grace_ms: 2_000 };
    assert!(stage.monitor.make("signatures-list", &made, at(0)).await.unwrap());
    for check in ["job", "config-backup", "signatures-list"] {
        stage.down(check, 1_000).await;
    }
    stage.monitor.config_is(Some("no such key"), at(1_000)).await.unwrap();
    stage.monitor.certificate_is(Some("it ends soon"), at(1_000)).await.unwrap();
    for second in 0..=90 {
        let now = at(1_000 + second * 1_000);
        stage.monitor.stranger("192.0.2.7", "key", now);
        stage.monitor.look_for_strangers(now).await.unwrap();
    }
    let claimed = stage.claim("ops", 91_000).await.unwrap();
    stage.refused("ops", &claimed, SendError::Permanent { why: "answered 410".into() }, 91_000).await;
    let mut paged = Vec::new();
    for open in stage.open().await {
        let story = stage.monitor.incident_story(&open.incident.key, at(91_000)).await.unwrap().unwrap();
        let check = story.view.incident.check;
        paged.push((story.view.checks.contains(&check), check));
    }
    paged.sort();
    let checks = ["config-backup", "job", "signatures-list"].map(|name| (true, name.to_owned()));
    let others = ["certificate-two", "channel-ops", "config-two", "signatures-two"].map(|name| (false, name.to_owned()));
    assert_eq!(paged, [others.to_vec(), checks.to_vec()].concat());
}
