//! A real watcher, pinged by curl itself.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::system::status;
use crate::harness::{Host, Process, Sender, Webhook, eventually, within};

pub(super) const KEY: &str = "a beat key";
pub(super) const ID: &str = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

/// A watcher, what it tells, and who beats.
pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) sink: Webhook,
    pub(super) sender: Sender,
    pub(super) watcher: Process,
}

/// What curl was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    /// Status and body, as a table has them.
    pub(super) fn short(&self) -> (u16, &str) {
        (self.status, self.body.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

impl Stage {
    /// With these lines in `[watcher]`, and whatever else the config is to have. The built-in checks are due once in an hour.
    pub(super) async fn new(watcher: &str, more: &str) -> Self {
        let host = Host::new();
        let sink = Webhook::start(&host.at(9000), None).await;
        let config = format!(
            "[app]\nname = \"shop\"\nheartbeats = false\n[runtime]\ncommand = \"x\"\n[probe]\nevery = \"1h\"\n\
             [watcher]\nlisten = \"{}\"\nbeat_key = \"{KEY}\"\n{watcher}\n\
             [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n{more}",
            host.at(7700),
            sink.url()
        );
        std::fs::write(host.path("allswell.toml"), config).expect("a config");
        let sender = Sender::new(&host.at(7700), KEY);
        let mut stage = Self { watcher: start(&host), host, sink, sender };
        stage.up().await;
        stage
    }

    /// With one check of this period, whose address is [`ID`], and these lines besides.
    pub(super) async fn with_check(period: &str, more: &str) -> Self {
        Self::new("", &format!("[[check]]\nname = \"backup\"\nuuid = \"{ID}\"\nperiod = \"{period}\"\n{more}\n")).await
    }

    /// Ends the watcher and starts it anew.
    pub(super) async fn again(&mut self) {
        self.watcher.signal(Signal::KILL);
        self.watcher.end(Duration::from_secs(10)).await;
        self.watcher = start(&self.host);
        self.up().await;
    }

    async fn up(&mut self) {
        within(Duration::from_secs(20), "the watcher answers", || async {
            let (status, _) = self.sender.get("/metrics").await?;
            (status == 200).then_some(())
        })
        .await;
    }

    /// Curl with these words and this path.
    pub(super) async fn curl(&self, words: &[&str], path: &str) -> Answer {
        let url = format!("http://{}{path}", self.host.at(7700));
        let ran = tokio::process::Command::new("curl").args(["-sS", "-i", "-m", "20"]).args(words).arg(url).output();
        let out = ran.await.expect("curl is installed").stdout;
        let text = String::from_utf8_lossy(&out).into_owned();
        // Before what curl was told to go on with there may be a 100.
        let text = text.split_once("100 Continue\r\n\r\n").map_or(text.as_str(), |(_, rest)| rest);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A plain GET of `/ping/...`.
    pub(super) async fn ping(&self, path: &str) -> Answer {
        self.curl(&[], &format!("/ping/{path}")).await
    }

    /// The status of a check.
    pub(super) async fn status(&self, check: &str) -> String {
        status(&self.overview().await, check).to_owned()
    }

    /// A check as the overview shows it.
    pub(super) async fn check(&self, name: &str) -> Value {
        let overview = self.overview().await;
        let checks = overview["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["name"] == name).unwrap_or(Value::Null)
    }

    async fn overview(&self) -> Value {
        self.sender.overview().await.expect("an overview")
    }

    /// Waits until the sink was told this.
    pub(super) async fn told(&self, words: &str) {
        let what = format!("{words}; told: {:?}", self.sink.told());
        eventually(&what, || async { self.sink.told().iter().any(|told| told == words).then_some(()) }).await;
    }
}

fn start(host: &Host) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    Process::start(&mut command, &host.path("watcher.log"))
}
