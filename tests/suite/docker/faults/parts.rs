//! What a shop is made of: its config, its parts and its apps.

use std::os::unix::fs::{PermissionsExt, chown};

use super::shop::EVERY;
use crate::harness::{Demo, Process, Stage, Webhook};

/// The images' user.
const USER: u32 = 65_532;
pub(super) const KEY: &str = "a key of the story";

/// Where the watcher runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watcher {
    /// In a container, like everything else.
    Inside,
    /// Outside the engine.
    Outside,
}

impl Watcher {
    /// Where all parts, and we, find it.
    pub(super) fn host(self, stage: &Stage) -> String {
        match self {
            Self::Inside => stage.there(),
            Self::Outside => stage.here(),
        }
    }

    fn name(self, stage: &Stage) -> String {
        match self {
            Self::Inside => "watcher".to_owned(),
            Self::Outside => stage.here(),
        }
    }

    /// Starts it; the process, where it is one.
    pub(super) async fn start(self, stage: &Stage) -> Option<Process> {
        match self {
            Self::Inside => {
                let page = format!("{}:7700:7700", stage.there());
                part(stage, "watcher", "watcher-state", &["--publish", &page]).await;
                None
            }
            Self::Outside => {
                let mut words = std::process::Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
                words.current_dir(stage.host.path("")).args(["--config", "parts.toml", "--state", "watcher-state"]);
                Some(Process::start(words.env("ALLSWELL_BEAT_KEY", KEY), &stage.host.path("watcher.log")))
            }
        }
    }
}

/// A part by its image. What ends with the engine comes back with it, and what ends by itself does not.
pub(super) async fn part(stage: &Stage, name: &str, state: &str, options: &[&str]) {
    let config = format!("{}:/etc/allswell/allswell.toml:ro", stage.host.path("parts.toml").display());
    let state = format!("{}:/state", stage.host.path(state).display());
    let key = format!("ALLSWELL_BEAT_KEY={KEY}");
    let fixed = ["--restart", "unless-stopped", "--volume", &config, "--volume", &state, "--env", &key];
    stage.run(name, &[&fixed[..], options].concat(), &format!("allswell-{name}"), &[]).await;
}

/// An instance of a colour under the heartbeat's wrapper.
pub(super) async fn wrapped(stage: &Stage, watcher: Watcher, colour: &str, number: u32) {
    let name = format!("{colour}-{number}");
    let image = stage.demo(Demo::Version("7")).await;
    let options = [app(stage, colour), heartbeat(stage, watcher, colour, &name)].concat();
    stage.run(&name, &words(&options), &image, &[]).await;
}

/// An instance of a colour, and its heartbeat in a container beside it.
pub(super) async fn accompanied(stage: &Stage, watcher: Watcher, colour: &str, number: u32) {
    let name = format!("{colour}-{number}");
    let image = stage.demo(Demo::Bare("7")).await;
    stage.run(&name, &words(&app(stage, colour)), &image, &[]).await;
    let mut options = heartbeat(stage, watcher, colour, &name);
    options.extend(env(format!("ALLSWELL_HEALTH=http://{name}:3000/healthz")));
    options.extend(["--restart".to_owned(), "unless-stopped".to_owned()]);
    stage.run(&format!("{colour}-heartbeat"), &words(&options), "allswell-heartbeat", &[]).await;
}

fn app(stage: &Stage, colour: &str) -> Vec<String> {
    let labels = [format!("allswell.app={}", stage.name), format!("allswell.colour={colour}")];
    let mut options: Vec<String> = ["--network-alias", colour, "--restart", "unless-stopped"].map(str::to_owned).into();
    options.extend(labels.into_iter().flat_map(|label| ["--label".to_owned(), label]));
    options
}

fn heartbeat(stage: &Stage, watcher: Watcher, colour: &str, name: &str) -> Vec<String> {
    let variables = [
        format!("ALLSWELL_WATCHERS=http://{}:7700", watcher.name(stage)),
        format!("ALLSWELL_BEAT_KEY={KEY}"),
        format!("ALLSWELL_CHECK=heartbeat-{colour}"),
        format!("ALLSWELL_COLOUR={colour}"),
        format!("ALLSWELL_INSTANCE={}", stage.name_of(name)),
        format!("ALLSWELL_EVERY={}s", EVERY.as_secs()),
    ];
    variables.into_iter().flat_map(env).collect()
}

fn env(variable: String) -> [String; 2] {
    ["--env".to_owned(), variable]
}

fn words(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

/// The config of all parts, and their state directories.
pub(super) fn write_files(stage: &Stage, watcher: Watcher, sink: &Webhook, blues: u32) {
    for state in ["state", "watcher-state"] {
        let state = stage.host.path(state);
        std::fs::create_dir(&state).expect("a state directory");
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
        chown(&state, Some(USER), Some(USER)).expect("we are root");
    }
    let listen = match watcher {
        Watcher::Inside => "0.0.0.0".to_owned(),
        Watcher::Outside => stage.here(),
    };
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
watchers = ["http://{name}:7700"]
engine = "unix:///engine.sock"
[watcher]
listen = "{listen}:7700"
url = "http://{host}:7700"
beat_key = {{ env = "ALLSWELL_BEAT_KEY" }}
channels = ["hook"]
[[channel]]
name = "hook"
kind = "webhook"
url = "{hook}"
"#,
        app = stage.name,
        every = EVERY.as_secs(),
        name = watcher.name(stage),
        host = watcher.host(stage),
        hook = sink.url(),
    );
    std::fs::write(stage.host.path("parts.toml"), config).expect("the config is written");
}
