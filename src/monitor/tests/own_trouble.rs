//! What a watcher tells of its own files.

use super::stage::{Stage, at, settings};
use crate::monitor::{Monitor, MonitorSettings};

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
