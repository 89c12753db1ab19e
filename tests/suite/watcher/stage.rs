//! A real watcher with a webhook for its one channel.

use std::process::Command;
use std::time::Duration;

use crate::harness::{Host, Process, Sender, Webhook, within};

pub(super) const KEY: &str = "a beat key";

/// A watcher, what it tells, and who beats.
pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) sink: Webhook,
    pub(super) sender: Sender,
    pub(super) watcher: Process,
}

impl Stage {
    /// With these `[[check]]` tables, and whatever else the config is to have. The built-in checks are due once in an hour.
    pub(super) async fn new(more: &str) -> Self {
        Self::on(Host::new(), "", "every = \"1h\"", more).await
    }

    /// With these lines in `[watcher]` and in `[probe]`.
    pub(super) async fn on(host: Host, watcher: &str, probe: &str, more: &str) -> Self {
        Self::by(command(), host, watcher, probe, more).await
    }

    /// Started by this command, with these lines in `[watcher]` and in `[probe]`.
    pub(super) async fn by(command: Command, host: Host, watcher: &str, probe: &str, more: &str) -> Self {
        let sink = Webhook::start(&host.at(9000), None).await;
        let config = format!(
            "[app]\nname = \"shop\"\nheartbeats = false\n[runtime]\ncommand = \"x\"\n\
             [watcher]\nlisten = \"{}\"\nbeat_key = \"{KEY}\"\n{watcher}\n[probe]\n{probe}\n\
             [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n{more}",
            host.at(7700),
            sink.url()
        );
        std::fs::write(host.path("allswell.toml"), config).expect("a config");
        let sender = Sender::new(&host.at(7700), KEY);
        let mut stage = Self { watcher: start(command, &host), host, sink, sender };
        stage.up().await;
        stage
    }

    /// Starts the watcher anew, after it was killed.
    pub(super) async fn again(&mut self) {
        self.watcher = start(command(), &self.host);
        self.up().await;
    }

    async fn up(&mut self) {
        within(Duration::from_secs(20), "the watcher answers", || async {
            let (status, _) = self.sender.get("/metrics").await?;
            (status == 200).then_some(())
        })
        .await;
    }

    /// Waits until the sink was told this.
    pub(super) async fn told(&self, words: &str, limit: Duration) {
        let what = format!("{words}; told: {:?}", self.sink.told());
        within(limit, &what, || async { self.sink.told().iter().any(|told| told == words).then_some(()) }).await;
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_allswell-watcher"))
}

fn start(mut command: Command, host: &Host) -> Process {
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    Process::start(&mut command, &host.path("watcher.log"))
}
