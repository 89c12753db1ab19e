//! A whole system in containers: both colours with their heartbeats, proxy, prober, watcher, and somebody who is told.

use std::time::Duration;

use allswell::net::question;
use allswell::signing::Key;
use serde_json::Value;

use super::parts::{KEY, Watcher, accompanied, part, wrapped, write_files};
use crate::harness::system::{reqwest_client, status};
use crate::harness::{Process, Stage, Webhook, within};

/// How often everything is probed, beats, and is due.
pub(super) const EVERY: Duration = Duration::from_secs(2);
/// Silence is told after a period and two of grace; then half a second until the sweep looks so far back, and a second in which a cause may
/// show; and as much again for a busy machine.
pub(super) const SILENT: Duration = Duration::from_secs(15);
/// What the engine says is told at once; what answers wrongly, after three answers and the same second for its cause.
pub(super) const SAID: Duration = Duration::from_secs(15);
/// How long anything may take to be well again: to be started, found by its name, probed twice and seen to run for as long.
pub(super) const MENDED: Duration = Duration::from_secs(60);

/// The system: blue, which is live, under the heartbeat's wrapper; green with a heartbeat in a container beside it.
pub(super) struct Shop {
    pub(super) stage: Stage,
    sink: Webhook,
    watcher: Watcher,
    _watcher: Option<Process>,
}

impl Shop {
    /// All of it in containers, working, with so many instances of blue and one of green.
    pub(super) async fn start(blues: u32) -> Self {
        Self::on(Stage::new().await, Watcher::Inside, blues).await
    }

    /// All of it in containers but the watcher, with one instance of each colour, and nobody else on the engine.
    pub(super) async fn watched_from_outside() -> Self {
        Self::on(Stage::alone().await, Watcher::Outside, 1).await
    }

    async fn on(stage: Stage, watcher: Watcher, blues: u32) -> Self {
        let sink = Webhook::start(&format!("{}:7799", stage.here()), None).await;
        write_files(&stage, watcher, &sink, blues);
        part(&stage, "proxy", "state", &[]).await;
        for number in 1..=blues {
            wrapped(&stage, watcher, "blue", number).await;
        }
        accompanied(&stage, watcher, "green", 1).await;
        let socket = format!("{}:/engine.sock", stage.engine.host().trim_start_matches("unix://"));
        // Whoever may read the socket may do everything: in a real system a filter stands before it. The group is the socket's.
        let options = ["--volume", &socket, "--user", "0:0"];
        // Last and together: from now on each expects the other, and all the rest.
        let (process, ()) = tokio::join!(watcher.start(&stage), part(&stage, "prober", "state", &options));
        let shop = Self { stage, sink, watcher, _watcher: process };
        within(MENDED, "all is well at first", || shop.is_well()).await;
        assert_eq!(shop.sink.told(), [""; 0], "nothing is told of a system that starts");
        shop
    }

    /// The name of a container.
    pub(super) fn name(&self, what: &str) -> String {
        self.stage.name_of(what)
    }

    /// `docker ARGUMENTS`.
    pub(super) async fn docker(&self, arguments: &[&str]) {
        self.stage.docker(arguments).await;
    }

    /// Waits until as many notices were told, within `bound`; they are exactly these. Gives the reason of the last.
    pub(super) async fn told(&self, expected: &[&str], bound: Duration) -> String {
        let enough = || async { (self.sink.told().len() >= expected.len()).then_some(()) };
        within(bound, &format!("{expected:?} is told, and {:?} was", self.sink.told()), enough).await;
        assert_eq!(self.sink.told(), expected, "{:?}", self.reasons());
        self.reasons().pop().unwrap_or_default()
    }

    /// Waits until everything is well again and all this was told; then nothing else ever was.
    pub(super) async fn is_mended(&self, told: &[&str]) {
        self.is_mended_but_for(told, "\0").await;
    }

    /// Waits until everything is well again and all this was told, and nothing besides but what says this.
    pub(super) async fn is_mended_but_for(&self, told: &[&str], word: &str) {
        let others = || -> Vec<String> {
            let taken = self.sink.taken();
            let others = taken.iter().filter(|taken| !text(&taken.body, "reason").contains(word));
            others.map(|taken| format!("{} {}", taken.kind, text(&taken.body, "check"))).collect()
        };
        let mended = || async { self.is_well().await.filter(|()| others().len() >= told.len()) };
        within(MENDED, &format!("all is well again, and {told:?} is told"), mended).await;
        assert_eq!(others(), told, "{:?}", self.reasons());
    }

    /// Whether the prober's metrics have this line.
    pub(super) async fn measures(&self, line: &str) {
        let words = ["run", "--rm", "--network", &self.stage.name, "busybox", "wget", "-q", "-O", "-", "http://prober:7703/metrics"];
        let metrics = self.stage.docker(&words).await;
        assert!(metrics.lines().any(|measured| measured == line), "{line}: {metrics}");
    }

    /// Takes a container off the network.
    pub(super) async fn cut_off(&self, what: &str) {
        self.docker(&["network", "disconnect", &self.stage.name, &self.name(what)]).await;
    }

    /// Puts it back, under the name by which others find it.
    pub(super) async fn join_again(&self, what: &str, alias: &str) {
        self.docker(&["network", "connect", "--alias", alias, &self.stage.name, &self.name(what)]).await;
    }

    /// Waits until it has said for itself that nobody answers it, for as long as would make an alarm of each.
    pub(super) async fn hears_nobody(&self, what: &str) {
        let name = self.name(what);
        let rounds = || async {
            let said = self.stage.engine.try_docker(&["logs", &name]).await;
            ((said.out + &said.err).matches("it hears nobody").count() >= 4).then_some(())
        };
        within(MENDED, "it has looked for everybody, again and again", rounds).await;
    }

    /// Everything that was told, each with its reason.
    pub(super) fn reasons(&self) -> Vec<String> {
        let taken = self.sink.taken();
        taken.iter().map(|taken| format!("{} {}: {}", taken.kind, text(&taken.body, "check"), text(&taken.body, "reason"))).collect()
    }

    /// Whether every check is up and nothing is open.
    async fn is_well(&self) -> Option<()> {
        let watcher = format!("http://{}:7700", self.watcher.host(&self.stage));
        let asked = question::overview(&reqwest_client(), &watcher, Some(&Key::new(KEY)));
        let overview: Value = asked.send().await.ok()?.json().await.ok()?;
        let colours = ["blue", "green", "heartbeat-blue", "heartbeat-green", "instances-blue", "instances-green"];
        let mut checks = colours.iter().chain(&["proxy", "preview", "prober", "engine"]);
        (checks.all(|name| status(&overview, name) == "up") && overview["incidents"].as_array().is_some_and(Vec::is_empty)).then_some(())
    }
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body["data"][name].as_str().unwrap_or_default()
}
