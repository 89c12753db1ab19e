//! Both colours started by a script, a proxy and a prober before them, and a config that names the script.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use allswell::domain::colour::Colour;
use allswell::release::{Entry, ProberState};
use rustix::process::Pid;

use crate::harness::system::reqwest_client;
use crate::harness::{Host, Pair, end_all_in, eventually};

/// What `allswell` is told of the script; `{app}` is its name.
const COMMANDS: &str = "replace = \"./app.sh replace {colour} '{version}'\"\nscale = \"./app.sh scale {colour} {instances}\"\n\
                        version = \"./app.sh version {colour}\"\nlogs = \"./app.sh logs {colour} {lines}\"\nfollow = \"./app.sh follow {colour} {lines}\"\n";

pub(super) struct Stage {
    pub(super) pair: Pair,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    /// What it said on both outlets.
    pub(super) said: String,
}

impl Stage {
    /// Both colours run version 1.
    pub(super) async fn start() -> Self {
        let host = Host::new();
        std::fs::write(host.path("app.sh"), include_str!("app.sh")).unwrap();
        std::fs::set_permissions(host.path("app.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        for colour in ["blue", "green"] {
            // Through a shell of its own: a script that was just written may still be busy where another story forks.
            let mut start = Command::new("/bin/sh");
            start.arg(host.path("app.sh")).args(["replace", colour, "1"]);
            let started = start.env("DEMO", env!("CARGO_BIN_EXE_allswell")).env("DEMO_IP", &host.ip).output();
            assert!(started.unwrap().status.success());
        }
        let switch = "passes = 2\nwithin = \"3s\"\ndrain = \"1s\"\nobserve = \"1s\"";
        let pair = Pair::start(host, &[], switch, "[probe]\nevery = \"1s\"\nslow = \"300ms\"\ntimeout = \"500ms\"\n").await;
        let stage = Self { pair };
        stage.configure(COMMANDS);
        stage
    }

    /// The runtime's commands from now on.
    pub(super) fn configure(&self, commands: &str) {
        let path = self.host().path("allswell.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once("[runtime]\n").unwrap();
        let (_, after) = rest.split_once("[proxy]\n").unwrap();
        std::fs::write(&path, format!("{before}[runtime]\nkind = \"command\"\n{commands}[proxy]\n{after}")).unwrap();
    }

    /// The usual commands, and these lines.
    pub(super) fn configure_more(&self, more: &str) {
        self.configure(&format!("{COMMANDS}{more}"));
    }

    pub(super) fn host(&self) -> &Host {
        &self.pair.host
    }

    /// A script of the story's own, beside the app's.
    pub(super) fn script(&self, name: &str, text: &str) {
        std::fs::write(self.host().path(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(self.host().path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `allswell` with these words; nobody can be asked.
    pub(super) fn command(&self, words: &[&str]) -> tokio::process::Command {
        let mut command = crate::harness::command(self.host(), words);
        command.args(["--state", "state"]).env("DEMO", env!("CARGO_BIN_EXE_allswell")).env("DEMO_IP", &self.host().ip);
        command
    }

    /// `allswell` with these words, started by another program, whose words come first.
    pub(super) fn command_by(&self, starter: &[&str], words: &[&str]) -> tokio::process::Command {
        let plain = self.command(words);
        let mut command = tokio::process::Command::new(starter[0]);
        command.args(&starter[1..]).arg(plain.as_std().get_program()).args(plain.as_std().get_args()).current_dir(self.host().path(""));
        for (name, value) in plain.as_std().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs it to its end.
    pub(super) async fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ran { code: output.status.code(), said }
    }

    /// Who answers on a port: colour and version.
    pub(super) async fn who(&self, port: u16) -> Option<String> {
        let answer = reqwest_client().get(format!("http://{}/whoami", self.host().at(port))).send().await.ok()?;
        Some(answer.text().await.ok()?.trim().to_owned())
    }

    /// This colour and version answer on a port, as soon as the app has started.
    pub(super) async fn comes_up(&self, port: u16, who: &str) {
        eventually(&format!("{who} answers"), || async { self.who(port).await.filter(|answer| answer == who) }).await;
    }

    pub(super) async fn state(&self) -> ProberState {
        eventually("the prober answers", || async { self.pair.remote.state().await.ok() }).await
    }

    /// How many instances are expected.
    pub(super) async fn expected(&self, colour: Colour) -> u32 {
        self.state().await.expected.unwrap().of(colour)
    }

    /// The last entry of the journal.
    pub(super) async fn last(&self) -> Entry {
        self.pair.remote.history(1).await.unwrap().pop().unwrap()
    }

    /// What the script was called with.
    pub(super) fn calls(&self) -> Vec<String> {
        std::fs::read_to_string(self.host().path("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The process whose id stands in a file.
    pub(super) fn pid(&self, file: &str) -> Option<Pid> {
        Pid::from_raw(std::fs::read_to_string(self.host().path(file)).ok()?.trim().parse().ok()?)
    }

    /// Waits until it has ended.
    pub(super) async fn ends(&self, pid: Pid) {
        eventually("the process ends", || async {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
            stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
        })
        .await;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        end_all_in(&self.host().path(""));
    }
}
