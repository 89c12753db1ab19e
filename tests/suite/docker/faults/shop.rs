//! A whole system in containers: both colours with their heartbeats, proxy, prober, watcher, and somebody who is told.

use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use serde_json::Value;

use crate::harness::system::{reqwest_client, status};
use crate::harness::{Demo, Stage, Webhook, within};

/// How often everything is probed, beats, and is due.
pub(super) const EVERY: Duration = Duration::from_secs(2);
/// Silence is told after a period and two of grace; then half a second until the sweep looks so far back, and a second in which a cause may
/// show; and as much again for a busy machine.
pub(super) const SILENT: Duration = Duration::from_secs(15);
/// What the engine says is told at once; what answers wrongly, after three answers and the same second for its cause.
pub(super) const SAID: Duration = Duration::from_secs(15);
/// How long anything may take to be well again: to be started, found by its name, probed twice and seen to run for as long.
pub(super) const MENDED: Duration = Duration::from_secs(60);

const USER: u32 = 65_532;
const KEY: &str = "a key of the story";

/// The system.
pub(super) struct Shop {
    pub(super) stage: Stage,
    pub(super) sink: Webhook,
    image: String,
}

impl Shop {
    /// All of it, working, with so many instances of blue, which is live, and one of green.
    pub(super) async fn start(blues: u32) -> Self {
        let stage = Stage::new().await;
        let image = stage.demo(Demo::Version("7")).await;
        let sink = Webhook::start(&format!("{}:7799", stage.here()), None).await;
        let shop = Self { stage, sink, image };
        shop.write_files(blues);
        let page = format!("{}:7700:7700", shop.stage.there());
        shop.part("watcher", "watcher-state", &["--publish", &page]).await;
        shop.part("proxy", "state", &[]).await;
        for number in 1..=blues {
            shop.colour("blue", number).await;
        }
        shop.colour("green", 1).await;
        let socket = format!("{}:/engine.sock", shop.stage.engine.host().trim_start_matches("unix://"));
        // Whoever may read the socket may do everything: in a real system a filter stands before it. The group is the socket's.
        shop.part("prober", "state", &["--volume", &socket, "--user", "0:0"]).await;
        within(MENDED, "all is well at first", || shop.is_well()).await;
        assert_eq!(shop.sink.told(), [""; 0], "nothing is told of a system that starts");
        shop
    }

    /// The name of a colour's container.
    pub(super) fn name(&self, colour: &str, number: u32) -> String {
        self.stage.name_of(&format!("{colour}-{number}"))
    }

    /// `docker ARGUMENTS`.
    pub(super) async fn docker(&self, arguments: &[&str]) {
        self.stage.docker(arguments).await;
    }

    /// Starts an instance of a colour, under the heartbeat's wrapper.
    pub(super) async fn colour(&self, colour: &str, number: u32) {
        let name = self.name(colour, number);
        let environment = [
            "ALLSWELL_WATCHERS=http://watcher:7700".to_owned(),
            format!("ALLSWELL_BEAT_KEY={KEY}"),
            format!("ALLSWELL_CHECK=heartbeat-{colour}"),
            format!("ALLSWELL_COLOUR={colour}"),
            format!("ALLSWELL_INSTANCE={name}"),
            format!("ALLSWELL_EVERY={}s", EVERY.as_secs()),
        ];
        let labels = [format!("allswell.app={}", self.stage.name), format!("allswell.colour={colour}")];
        let mut options = vec!["--network-alias", colour];
        options.extend(environment.iter().flat_map(|variable| ["--env", variable]));
        options.extend(labels.iter().flat_map(|label| ["--label", label]));
        self.stage.run(&format!("{colour}-{number}"), &options, &self.image, &[]).await;
    }

    /// Waits until exactly this was told, within `bound`; gives the reason of the last of it.
    pub(super) async fn told(&self, expected: &[&str], bound: Duration) -> String {
        within(bound, &format!("{expected:?} is told, and {:?} was", self.sink.told()), || async {
            (self.sink.told().len() >= expected.len()).then_some(())
        })
        .await;
        assert_eq!(self.sink.told(), expected, "{:?}", self.reasons());
        self.reasons().pop().unwrap_or_default()
    }

    /// Waits until everything is well again, and then nothing else than this was ever told.
    pub(super) async fn is_mended(&self, told: &[&str]) {
        within(MENDED, "all is well again", || self.is_well()).await;
        assert_eq!(self.told_sorted(), told, "{:?}", self.reasons());
    }

    fn told_sorted(&self) -> Vec<String> {
        self.sink.told()
    }

    fn reasons(&self) -> Vec<String> {
        self.sink.taken().iter().map(|taken| format!("{} {}", taken.kind, taken.body["data"]["reason"])).collect()
    }

    /// Whether every check is up and nothing is open.
    async fn is_well(&self) -> Option<()> {
        let url = format!("http://{}:7700/v1/overview", self.stage.there());
        let overview: Value = reqwest_client().get(url).send().await.ok()?.json().await.ok()?;
        let checks = [
            "blue",
            "green",
            "proxy",
            "preview",
            "prober",
            "heartbeat-blue",
            "heartbeat-green",
            "instances-blue",
            "instances-green",
            "engine",
        ];
        let is_up = checks.iter().all(|name| status(&overview, name) == "up");
        (is_up && overview["incidents"].as_array().is_some_and(Vec::is_empty)).then_some(())
    }

    /// Starts a part by its image.
    async fn part(&self, name: &str, state: &str, options: &[&str]) {
        let config = format!("{}:/etc/allswell/allswell.toml:ro", self.stage.host.path("parts.toml").display());
        let state = format!("{}:/state", self.stage.host.path(state).display());
        let key = format!("ALLSWELL_BEAT_KEY={KEY}");
        let fixed = ["--volume", &config, "--volume", &state, "--env", &key];
        self.stage.run(name, &[&fixed[..], options].concat(), &format!("allswell-{name}"), &[]).await;
    }

    fn write_files(&self, blues: u32) {
        for state in ["state", "watcher-state"] {
            let state = self.stage.host.path(state);
            std::fs::create_dir(&state).expect("a state directory");
            std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
            chown(&state, Some(USER), Some(USER)).expect("we are root");
        }
        let (app, every, hook) = (&self.stage.name, EVERY.as_secs(), self.sink.url());
        let config = format!(
            r#"
[app]
name = "{app}"
[app.blue]
address = "blue:3000"
instances = {blues}
[app.green]
address = "green:3000"
[runtime]
kind = "docker"
[proxy]
reach = "proxy"
live = "0.0.0.0:8000"
idle = "0.0.0.0:8080"
health = "0.0.0.0:7702"
[probe]
every = "{every}s"
slow = "1500ms"
timeout = "2s"
[prober]
reach = "prober"
listen = "0.0.0.0:7701"
health = "0.0.0.0:7703"
watchers = ["http://watcher:7700"]
engine = "unix:///engine.sock"
[watcher]
listen = "0.0.0.0:7700"
url = "http://{there}:7700"
beat_key = {{ env = "ALLSWELL_BEAT_KEY" }}
channels = ["hook"]
[[channel]]
name = "hook"
kind = "webhook"
url = "{hook}"
"#,
            there = self.stage.there(),
        );
        std::fs::write(self.stage.host.path("parts.toml"), config).expect("the config is written");
    }
}
