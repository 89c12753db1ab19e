//! Stories on the real Alertmanager.

use std::process::Command;
use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::BeatKind;
use allswell::domain::incident::Severity;
use allswell::domain::moment::Moment;
use allswell::domain::notice::{Notice, NoticeKind};
use allswell::notify::{Channel, ChannelKind};
use allswell::settings::Secret;
use serde_json::{Value, json};

use super::{channel, notice};
use crate::harness::system::reqwest_client;
use crate::harness::{Host, Process, Sender, eventually, within};

/// What is not over is posted again within a minute.
const AGAIN: Duration = Duration::from_secs(60 + 30);
/// What nobody posts again ends after this.
const LASTS: Duration = Duration::from_secs(300);
/// Two processes may disagree about now by what kept each waiting between its first readings.
const APART: Duration = Duration::from_secs(1);
const CONFIG: &str = "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n";

/// Alertmanager below a path of its own, as behind a proxy.
struct Alertmanager {
    url: String,
    _process: Process,
}

impl Alertmanager {
    async fn start(host: &Host) -> Self {
        std::fs::write(host.path("alertmanager.yml"), CONFIG).unwrap();
        let mut command = Command::new("/usr/bin/prometheus-alertmanager");
        command.arg(format!("--config.file={}", host.path("alertmanager.yml").display()));
        command.arg(format!("--storage.path={}", host.path("alertmanager").display()));
        command.arg(format!("--web.listen-address={}", host.at(9093))).args(["--web.route-prefix=/alerts", "--cluster.listen-address="]);
        let process = Process::start(&mut command, &host.path("alertmanager.log"));
        let manager = Self { url: format!("http://{}/alerts", host.at(9093)), _process: process };
        eventually("Alertmanager answers", || async { manager.alerts().await }).await;
        manager
    }

    fn channel(&self) -> Channel {
        channel(ChannelKind::Alertmanager { url: Secret::Plain(self.url.clone()) }, Duration::from_secs(5))
    }

    /// The alerts that fire there now; nothing while it does not answer.
    async fn alerts(&self) -> Option<Vec<Value>> {
        reqwest_client().get(format!("{}/api/v2/alerts", self.url)).send().await.ok()?.json().await.ok()
    }

    /// Waits until exactly these severities of the one check fire.
    async fn fires(&self, severities: &[&str]) -> Vec<Value> {
        self.fires_within(Duration::from_secs(30), severities).await
    }

    async fn fires_within(&self, limit: Duration, severities: &[&str]) -> Vec<Value> {
        within(limit, &format!("{severities:?} fire"), || async {
            let alerts = self.alerts().await?;
            let firing: Vec<&str> = alerts.iter().filter_map(|alert| alert["labels"]["severity"].as_str()).collect();
            (firing == severities).then(|| alerts.clone())
        })
        .await
    }
}

/// Told now: an end that lies ahead would not be one yet.
fn told(kind: NoticeKind, severity: Severity) -> Notice {
    let mut told = notice("connection refused");
    (told.kind, told.at, told.since) = (kind, clock::now(), clock::now() - Duration::from_secs(12));
    told.subject.severity = severity;
    told
}

#[tokio::test]
async fn alertmanager_shows_an_alarm_as_one_alert_until_its_resolution() {
    let host = Host::new();
    let manager = Alertmanager::start(&host).await;
    let channel = manager.channel();
    for (kind, severity, firing) in [
        (NoticeKind::CheckPoorly, Severity::Warning, &["warning"][..]),
        (NoticeKind::CheckReminder, Severity::Critical, &["critical"]),
        (NoticeKind::CheckReminder, Severity::Critical, &["critical"]),
        (NoticeKind::CheckResolved, Severity::Warning, &[]),
    ] {
        let told = told(kind, severity);
        assert_eq!(channel.send(&told).await.map(|receipt| receipt.0), Ok("200".to_owned()));
        let alerts = manager.fires(firing).await;
        if let Some(alert) = alerts.first() {
            let labels = json!({ "alertname": "AllswellCheck", "app": "shop", "check": "blue", "severity": firing[0], "colour": "blue" });
            assert_eq!((&alert["labels"], &alert["status"]["state"] == "suppressed"), (&labels, false));
            assert_eq!(alert["generatorURL"], "http://127.0.0.1:7700/");
            assert!(alert["annotations"]["description"].as_str().unwrap().contains("Why: connection refused"), "{alert}");
        }
    }
}

#[tokio::test]
async fn what_is_posted_again_is_the_same_alert_which_ends_minutes_after_the_last_post() {
    let host = Host::new();
    let manager = Alertmanager::start(&host).await;
    let channel = manager.channel();
    let told = told(NoticeKind::CheckDown, Severity::Critical);
    assert!(channel.send(&told).await.is_ok());
    let first = manager.fires(&["critical"]).await.remove(0);
    assert_eq!(channel.send_again(std::slice::from_ref(&told), false).await, Ok(()));
    let again = manager.fires(&["critical"]).await.remove(0);
    assert_eq!((&again["fingerprint"], &again["startsAt"]), (&first["fingerprint"], &first["startsAt"]));
    assert!(end(&again) >= end(&first) && end(&again).since(clock::now()) <= LASTS, "{again}");
    assert_eq!(channel.send_again(&[told], true).await, Ok(()));
    manager.fires(&[]).await;
}

fn end(alert: &Value) -> Moment {
    serde_json::from_value(alert["endsAt"].clone()).unwrap()
}

/// A watcher that tells this Alertmanager, and who beats.
async fn watcher(host: &Host, manager: &Alertmanager) -> (Process, Sender) {
    let at = host.at(7700);
    let config = format!(
        "[app]\nname = \"shop\"\nheartbeats = false\n[runtime]\ncommand = \"x\"\n[probe]\nevery = \"1h\"\n\
         [watcher]\nlisten = \"{at}\"\nbeat_key = \"a beat key\"\n\
         [[channel]]\nname = \"alerts\"\nkind = \"alertmanager\"\nurl = \"{}\"\n[[check]]\nname = \"backup\"\nperiod = \"1h\"\n",
        manager.url
    );
    std::fs::write(host.path("allswell.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    let process = Process::start(&mut command, &host.path("watcher.log"));
    let sender = Sender::new(&at, "a beat key");
    eventually("the watcher answers", || async { sender.overview().await }).await;
    (process, sender)
}

#[tokio::test]
async fn an_alertmanager_that_was_started_anew_has_what_is_not_over_within_a_minute() {
    let host = Host::new();
    let manager = Alertmanager::start(&host).await;
    let (_watcher, sender) = watcher(&host, &manager).await;
    assert_eq!(sender.say("backup", BeatKind::Fail).await, Some(200));
    let told = manager.fires(&["warning"]).await.remove(0);
    // It keeps alerts in memory alone.
    drop(manager);
    let manager = Alertmanager::start(&host).await;
    let again = manager.fires_within(AGAIN, &["warning"]).await.remove(0);
    assert_eq!(again["labels"], told["labels"]);
    assert!(end(&again).since(clock::now()) <= LASTS + APART, "one that nobody posts again is over soon: {again}");
    assert_eq!(sender.say("backup", BeatKind::Success).await, Some(200));
    manager.fires(&[]).await;
}

#[tokio::test]
async fn alertmanager_takes_whatever_an_app_may_have_said() {
    let host = Host::new();
    let manager = Alertmanager::start(&host).await;
    let channel = manager.channel();
    for reason in ["", "<b>{{ .Labels }}</b>", &"😀".repeat(10_000), "a\u{0}b\r\nc"] {
        let mut told = told(NoticeKind::CheckDown, Severity::Critical);
        told.reason = reason.to_owned();
        told.url = Some(format!("not a url {reason}"));
        assert!(channel.send(&told).await.is_ok(), "{reason:.20}");
    }
    manager.fires(&["critical"]).await;
}

#[tokio::test]
async fn an_alertmanager_that_is_not_there_is_tried_again_and_one_at_another_path_is_not() {
    let host = Host::new();
    let manager = Alertmanager::start(&host).await;
    let at = |url: String| channel(ChannelKind::Alertmanager { url: Secret::Plain(url) }, Duration::from_secs(5));
    let nowhere = at(format!("http://{}/hush", host.at(9)));
    let told = told(NoticeKind::CheckDown, Severity::Critical);
    let unheard = nowhere.send(&told).await.unwrap_err();
    assert!(!unheard.is_permanent() && unheard.to_string() == "connection refused", "{unheard}");
    let refused = at(format!("{}/hush", manager.url)).send(&told).await.unwrap_err();
    assert!(refused.is_permanent() && !refused.to_string().contains("hush"), "{refused}");
}
