//! The way from Prometheus through Alertmanager to the watcher, all three of them real.

use std::process::Command;
use std::time::Duration;

use super::rules::read;
use super::server::Prometheus;
use crate::harness::system::{reqwest_client, status};
use crate::harness::{Host, Process, Webhook, eventually, within};

const ID: &str = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

/// With the config that ships, its intervals made short.
fn alertmanager(host: &Host) -> Process {
    let mut config = read("deploy/prometheus/alertmanager.yml");
    let ping = format!("{}/ping/{ID}", host.at(7700));
    let changes = [
        ("watcher:7700/ping/UUID", ping.as_str()),
        ("group_interval: 1m", "group_interval: 1s"),
        ("repeat_interval: 50s", "repeat_interval: 1s"),
    ];
    for (shipped, here) in changes {
        assert!(config.contains(shipped), "the shipped config has no {shipped}");
        config = config.replace(shipped, here);
    }
    std::fs::write(host.path("alertmanager.yml"), config).unwrap();
    let mut command = Command::new("/usr/bin/prometheus-alertmanager");
    command.arg(format!("--config.file={}", host.path("alertmanager.yml").display()));
    command.arg(format!("--storage.path={}", host.path("alertmanager").display()));
    command.arg(format!("--web.listen-address={}", host.at(9093))).arg("--cluster.listen-address=");
    Process::start(&mut command, &host.path("alertmanager.log"))
}

fn watcher(host: &Host, sink: &Webhook) -> Process {
    let config = format!(
        "[runtime]\ncommand = \"true\"\n[watcher]\nlisten = \"{}\"\nbeat_key = \"a beat key\"\n\
         [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n\
         [[check]]\nname = \"prometheus\"\nuuid = \"{ID}\"\nperiod = \"5s\"\ngrace = \"10s\"\n",
        host.at(7700),
        sink.url()
    );
    std::fs::write(host.path("allswell.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    Process::start(&mut command, &host.path("watcher.log"))
}

async fn prometheus(host: &Host) -> Prometheus {
    let alerting = format!("alerting:\n  alertmanagers:\n    - static_configs: [{{ targets: ['{}'] }}]\n", host.at(9093));
    Prometheus::start(host, &[("watcher:7700", host.at(7700))], &alerting).await
}

async fn is_up(host: &Host) {
    eventually("the check of Prometheus is up", || async {
        let answer = reqwest_client().get(format!("http://{}/v1/overview", host.at(7700))).send().await.ok()?;
        (status(&answer.json().await.ok()?, "prometheus") == "up").then_some(())
    })
    .await;
}

async fn told(sink: &Webhook, what: &str, times: usize) {
    within(Duration::from_secs(60), what, || async { (sink.told().iter().filter(|told| *told == what).count() >= times).then_some(()) })
        .await;
}

#[tokio::test]
async fn watchdog_beats_the_watcher_and_stopping_prometheus_or_alertmanager_is_alarmed_by_name() {
    let host = Host::new();
    let sink = Webhook::start(&host.at(9001), None).await;
    let _watcher = watcher(&host, &sink);
    let manager = alertmanager(&host);
    let running = prometheus(&host).await;
    is_up(&host).await;
    drop(running);
    // Alertmanager takes an alert that nobody repeats for resolved, and says so.
    told(&sink, "check.down prometheus", 1).await;
    let taken = sink.taken();
    let reason = &taken.iter().find(|taken| taken.body["data"]["check"] == "prometheus").unwrap().body["data"]["reason"];
    assert_eq!(reason, "Alertmanager says resolved: Watchdog");
    let _running = prometheus(&host).await;
    told(&sink, "check.resolved prometheus", 1).await;
    // And where there is no Alertmanager to say anything, silence does.
    drop(manager);
    told(&sink, "check.down prometheus", 2).await;
}
