//! An alert that always fires is a check: told by the real Alertmanager.

use std::process::Command;

use serde_json::json;

use super::stage::{ID, Stage};
use crate::harness::system::reqwest_client;
use crate::harness::{Process, eventually};

#[tokio::test]
async fn a_watchdog_that_fires_keeps_its_check_up_and_its_resolution_takes_it_down() {
    let stage = Stage::with_check("1h", "").await;
    let config = format!(
        "route: {{ receiver: allswell, group_wait: 0s, group_interval: 1s, repeat_interval: 1s }}\n\
         receivers: [ {{ name: allswell, webhook_configs: [ {{ url: 'http://{}/ping/{ID}', send_resolved: true }} ] }} ]\n",
        stage.host.at(7700)
    );
    std::fs::write(stage.host.path("alertmanager.yml"), config).unwrap();
    let mut command = Command::new("/usr/bin/prometheus-alertmanager");
    command.arg(format!("--config.file={}", stage.host.path("alertmanager.yml").display()));
    command.arg(format!("--storage.path={}", stage.host.path("alertmanager").display()));
    command.arg(format!("--web.listen-address={}", stage.host.at(9093))).arg("--cluster.listen-address=");
    let _manager = Process::start(&mut command, &stage.host.path("alertmanager.log"));
    let post = |ends_in: i64| {
        let ends_at = allswell::domain::moment::Moment::from_millis(allswell::clock::now().as_millis() + ends_in);
        let alerts = json!([{ "labels": { "alertname": "Watchdog", "severity": "none" }, "endsAt": ends_at }]);
        reqwest_client().post(format!("http://{}/api/v2/alerts", stage.host.at(9093))).json(&alerts).send()
    };
    eventually("Alertmanager takes the alert", || async {
        post(3_600_000).await.ok().filter(|answer| answer.status().is_success()).map(|_| ())
    })
    .await;
    eventually("the check is up", || async { (stage.status("backup").await == "up").then_some(()) }).await;
    post(-1).await.unwrap();
    stage.told("check.down backup").await;
    let told = stage.sink.taken();
    let reason = told.iter().find(|taken| taken.kind == "check.down").unwrap().body["data"]["reason"].clone();
    assert_eq!(reason, "Alertmanager says resolved: Watchdog");
}
