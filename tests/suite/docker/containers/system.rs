//! One host as a user has it: proxy and prober in containers on the app's network, the command line beside the engine.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use crate::harness::{Demo, Ran, Stage, command, within};

/// How long anything may take on a machine that does much else.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// Proxy and prober, and whatever was deployed.
pub(super) struct System {
    pub(super) stage: Stage,
}

impl System {
    /// Proxy and prober alone: nothing was ever deployed. `runtime` is added to `[runtime]`.
    pub(super) async fn empty(runtime: &str) -> Self {
        Self::on(Stage::new().await, runtime).await
    }

    /// Proxy and prober, with version 1 live on blue and idle on green. `runtime` is added to `[runtime]`.
    pub(super) async fn start(runtime: &str) -> Self {
        Self::empty(runtime).await.filled().await
    }

    async fn filled(self) -> Self {
        let image = self.stage.demo(Demo::Bare("1")).await;
        for colour in ["blue", "green"] {
            let deployed = self.allswell(&["deploy", colour, "--image", &image, "--version", "1", "--yes"]).await;
            assert_eq!(deployed.code, 0, "{deployed:?}");
        }
        self
    }

    async fn on(stage: Stage, runtime: &str) -> Self {
        std::fs::write(stage.host.path("allswell.toml"), config(&stage, runtime)).expect("the config is written");
        let state = stage.host.path("state");
        std::fs::create_dir(&state).expect("a state directory");
        std::fs::set_permissions(&state, PermissionsExt::from_mode(0o700)).expect("it is ours alone");
        // The images' user.
        chown(&state, Some(65532), Some(65532)).expect("it is the containers'");
        let volume = |path: PathBuf, at: &str| format!("{}:{at}", path.display());
        let volumes =
            ["--volume", &volume(stage.host.path("allswell.toml"), "/etc/allswell/allswell.toml:ro"), "--volume", &volume(state, "/state")];
        let port = |port: u16| format!("{}:{port}:{port}", stage.there());
        stage.run("proxy", &[&volumes[..], &["--publish", &port(8000)]].concat(), "allswell-proxy", &[]).await;
        stage.run("prober", &[&volumes[..], &["--publish", &port(7701)]].concat(), "allswell-prober", &[]).await;
        let system = Self { stage };
        let answers = || async { (system.allswell(&["live"]).await.code == 0).then_some(()) };
        within(LIMIT, "the prober answers", answers).await;
        system
    }

    /// Where the public comes.
    pub(super) fn public(&self) -> String {
        format!("{}:8000", self.stage.there())
    }

    /// `allswell` with these words, as the operator runs it; not started yet.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = command(&self.stage.host, &[&["--state", "state"], words].concat());
        command.env("DOCKER_HOST", self.stage.engine.host()).env("DOCKER_CONFIG", self.stage.host.path("docker"));
        command
    }

    /// Runs it to its end.
    pub(super) async fn allswell(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().await.expect("the executable starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("words");
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The name of a container of a colour.
    pub(super) fn container(&self, colour: &str, rest: &str) -> String {
        self.stage.name_of(&format!("shop-{colour}-{rest}"))
    }

    /// Every container of the app by name: its id and whether it runs.
    pub(super) async fn containers(&self) -> Vec<String> {
        let app = format!("label=allswell.app={}", self.stage.name_of("shop"));
        let format = "{{.Names}} {{.ID}} {{.State}}";
        let listed = self.stage.docker(&["ps", "--all", "--filter", &app, "--format", format]).await;
        let mut containers: Vec<_> = listed.lines().map(str::to_owned).collect();
        containers.sort();
        containers
    }

    /// What one word of `docker inspect` says.
    pub(super) async fn inspect(&self, container: &str, format: &str) -> String {
        self.stage.docker(&["inspect", "--format", format, container]).await
    }

    /// Which colour and version answers the public.
    pub(super) async fn whoami(&self) -> String {
        let client = allswell::net::client::http(Duration::from_secs(5)).expect("a client");
        let url = format!("http://{}/whoami", self.public());
        within(LIMIT, "the site answers", || async {
            let answer = client.get(&url).send().await.ok()?;
            if answer.status().is_success() { answer.text().await.ok() } else { None }
        })
        .await
        .trim()
        .to_owned()
    }
}

fn config(stage: &Stage, runtime: &str) -> String {
    let Stage { name, .. } = stage;
    format!(
        "[app]\nname = \"{name}-shop\"\n[app.blue]\naddress = \"shop-blue:3000\"\n[app.green]\naddress = \"shop-green:3000\"\n\
         [proxy]\nlive = \"0.0.0.0:8000\"\nidle = \"0.0.0.0:8080\"\nreach = \"proxy\"\nfirst_live = \"blue\"\n\
         [prober]\nlisten = \"0.0.0.0:7701\"\nreach = \"{}\"\nwatchers = []\n\
         [switch]\npasses = 2\nwithin = \"20s\"\ndrain = \"2s\"\nobserve = \"1s\"\n\
         [probe]\nevery = \"500ms\"\ntimeout = \"3s\"\nslow = \"2s\"\n\
         [runtime]\nkind = \"docker\"\nnetwork = \"{name}\"\nstop_grace = \"5s\"\n{runtime}\n",
        stage.there()
    )
}
