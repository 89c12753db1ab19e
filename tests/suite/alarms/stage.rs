//! A real watcher with two webhooks, and the command line beside it.

use std::process::Command;
use std::time::Duration;

use crate::harness::{self, Host, Process, Ran, Sender, Webhook, eventually, within};

const KEY: &str = "a beat key";

/// A watcher, those whom it tells, and who beats.
pub(super) struct Stage {
    pub(super) host: Host,
    /// Told of everything.
    pub(super) ops: Webhook,
    /// Told by escalation alone.
    pub(super) boss: Webhook,
    pub(super) sender: Sender,
    pub(super) watcher: Process,
}

impl Stage {
    /// With these lines in `[watcher]`, and whatever else the config is to have. The built-in checks are due once in an hour.
    pub(super) async fn new(watcher: &str, more: &str) -> Self {
        Self::prepared(watcher, |_| more.to_owned()).await
    }

    /// With these lines in `[watcher]`, where the rest of the config depends on the host.
    pub(super) async fn prepared(watcher: &str, more: impl FnOnce(&Host) -> String) -> Self {
        let host = Host::new();
        let more = more(&host);
        let (ops, boss) = (Webhook::start(&host.at(9000), None).await, Webhook::start(&host.at(9001), None).await);
        std::fs::write(host.path("allswell.toml"), config(&host, &ops, &boss, watcher, &more)).expect("a config");
        let sender = Sender::new(&host.at(7700), KEY);
        let watcher = start(&host, &mut Command::new(env!("CARGO_BIN_EXE_allswell-watcher")));
        let stage = Self { watcher, host, ops, boss, sender };
        eventually("the watcher answers", || async { stage.sender.overview().await }).await;
        stage
    }

    /// Starts the watcher anew, after it has ended, by this command.
    pub(super) async fn again(&mut self, command: &mut Command) {
        self.watcher = start(&self.host, command);
        eventually("the watcher answers", || async { self.sender.overview().await }).await;
    }

    /// Writes the config anew.
    pub(super) fn rewrite(&self, watcher: &str, more: &str) {
        let text = config(&self.host, &self.ops, &self.boss, watcher, more);
        std::fs::write(self.host.path("allswell.toml"), text).expect("a config");
    }

    /// Runs a command against it.
    pub(super) async fn run(&self, words: &[&str]) -> Ran {
        let state = self.host.path("state");
        let words: Vec<&str> = words.iter().copied().chain(["--state", state.to_str().expect("an ordinary name")]).collect();
        harness::allswell(&self.host, &words).await
    }

    /// Gives an order past the command line; the status of the answer.
    pub(super) async fn order(&self, path: &str, token: Option<&str>, body: &str) -> u16 {
        let client = allswell::net::client::http(Duration::from_secs(5)).expect("a client");
        let request = client.post(format!("http://{}/v1/{path}", self.host.at(7700))).header("content-type", "application/json");
        let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        request.body(body.to_owned()).send().await.expect("an answer").status().as_u16()
    }

    /// Waits until `ops` was told this so many times.
    pub(super) async fn told(&self, words: &str, times: usize) {
        let count = || self.ops.told().iter().filter(|told| *told == words).count();
        within(Duration::from_secs(20), words, || async { (count() >= times).then_some(()) }).await;
    }
}

fn config(host: &Host, ops: &Webhook, boss: &Webhook, watcher: &str, more: &str) -> String {
    format!(
        "[app]\nname = \"shop\"\nheartbeats = false\n[runtime]\ncommand = \"x\"\n\
         [prober]\nwatchers = [\"http://{at}\"]\n\
         [watcher]\nlisten = \"{at}\"\nbeat_key = \"{KEY}\"\nchannels = [\"ops\"]\n{watcher}\n[probe]\nevery = \"1h\"\n\
         [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n[[channel]]\nname = \"boss\"\nkind = \"webhook\"\nurl = \"{}\"\n{more}",
        ops.url(),
        boss.url(),
        at = host.at(7700),
    )
}

fn start(host: &Host, command: &mut Command) -> Process {
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    Process::start(command, &host.path("watcher.log"))
}
