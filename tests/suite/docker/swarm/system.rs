//! A Swarm with proxy and prober on its overlay, and an operator at its manager.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use crate::harness::{Demo, Nodes, Stage, command, within};

/// How long anything on it may take.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// Whom the images' executables run as.
const USER: u32 = 65_532;

/// Some nodes, the parts, and the operator's files.
pub(super) struct Swarm {
    pub(super) nodes: Nodes,
    pub(super) stage: Stage,
}

/// What came of a run of `allswell`.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Swarm {
    /// So many nodes with these images of the demo app; the parts answer. `more` stands at the end of `[runtime]`.
    pub(super) async fn start(nodes: usize, images: &[Demo], more: &str) -> Self {
        let stage = Stage::new().await;
        let nodes = Nodes::swarm(nodes).await;
        for image in images {
            nodes.bring(&stage.demo(image.clone()).await).await;
        }
        for image in ["allswell-proxy", "allswell-prober"] {
            nodes.bring(image).await;
        }
        let swarm = Self { nodes, stage };
        swarm.write_files(more);
        swarm.docker(&["network", "create", "--driver", "overlay", "--attachable", "shop"]).await;
        // On the manager, where the operator finds what they keep in their state directory.
        swarm.part("proxy", &["published=8000,target=8000", "published=8080,target=8080"]).await;
        swarm.part("prober", &["published=7701,target=7701"]).await;
        let token = swarm.state().join("prober.token");
        within(LIMIT, "the prober has made its token", || async { token.exists().then_some(()) }).await;
        within(LIMIT, "the prober answers", || async { (swarm.run(&["history"]).await.code == 0).then_some(()) }).await;
        swarm
    }

    /// The live site.
    pub(super) fn live(&self) -> String {
        format!("http://{}:8000", self.nodes.manager().address())
    }

    /// `docker ARGUMENTS` at the manager.
    pub(super) async fn docker(&self, arguments: &[&str]) -> String {
        self.nodes.manager().docker(arguments).await
    }

    /// `allswell WORDS` at the manager, to its end.
    pub(super) async fn run(&self, words: &[&str]) -> Ran {
        let Output { status, stdout, stderr } = self.command(words).output().await.expect("the executable starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }

    /// `allswell WORDS` at the manager, which must do what was asked.
    pub(super) async fn done(&self, words: &[&str]) -> Ran {
        let ran = self.run(words).await;
        if ran.code != 0 {
            eprintln!("proxy said: {:#?}", self.nodes.manager().try_docker(&["service", "logs", "--timestamps", "proxy"]).await.err);
        }
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
        ran
    }

    /// `allswell WORDS` at the manager, not started yet.
    pub(super) fn command(&self, words: &[&str]) -> tokio::process::Command {
        let mut command = command(&self.stage.host, words);
        command.arg("--state").arg(self.state()).arg("--config").arg(self.stage.host.path("operator.toml"));
        command.env("DOCKER_HOST", self.nodes.manager().host());
        command
    }

    /// `IMAGE REPLICAS` of a service, as the Swarm says it.
    pub(super) async fn runs(&self, service: &str) -> String {
        let line = self.docker(&["service", "ls", "--filter", &format!("name={service}"), "--format", "{{.Image}} {{.Replicas}}"]).await;
        line.trim().to_owned()
    }

    /// The tasks of a service that are up: name and node.
    pub(super) async fn tasks(&self, service: &str) -> Vec<String> {
        let format = "{{.ID}} {{.Node}} {{.CurrentState}}";
        let said = self.docker(&["service", "ps", "--filter", "desired-state=running", "--format", format, service]).await;
        said.lines().filter(|line| line.contains("Running")).map(str::to_owned).collect()
    }

    fn state(&self) -> PathBuf {
        self.stage.host.path("state")
    }

    fn write_files(&self, more: &str) {
        let state = self.state();
        std::fs::create_dir(&state).expect("a state directory");
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
        chown(&state, Some(USER), Some(USER)).expect("we are root");
        for (name, prober) in [("parts.toml", "0.0.0.0"), ("operator.toml", self.nodes.manager().address())] {
            std::fs::write(self.stage.host.path(name), config(prober, more)).expect("the config is written");
        }
    }

    /// A part as a service in host publish mode, with the state directory that proxy, prober and operator share.
    async fn part(&self, name: &str, ports: &[&str]) {
        let config =
            format!("type=bind,source={},target=/etc/allswell/allswell.toml,readonly", self.stage.host.path("parts.toml").display());
        let state = format!("type=bind,source={},target=/state", self.state().display());
        let mut arguments: Vec<String> =
            ["service", "create", "--quiet", "--detach", "--no-resolve-image", "--name", name, "--network", "shop"]
                .into_iter()
                .chain(["--endpoint-mode", "dnsrr", "--constraint", "node.role==manager", "--mount", &config, "--mount", &state])
                .map(str::to_owned)
                .collect();
        arguments.extend(ports.iter().flat_map(|port| ["--publish".to_owned(), format!("mode=host,{port}")]));
        arguments.push(format!("allswell-{name}"));
        self.docker(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

fn config(prober: &str, more: &str) -> String {
    format!(
        r#"
[app]
name = "shop"
heartbeats = false
[app.blue]
address = "tasks.shop-blue:3000"
[app.green]
address = "tasks.shop-green:3000"
[runtime]
kind = "swarm"
networks = "shop"
start_within = "20s"
stop_grace = "3s"
{more}
[proxy]
live = "0.0.0.0:8000"
idle = "0.0.0.0:8080"
health = "0.0.0.0:7702"
reach = "proxy"
[switch]
passes = 2
within = "10s"
drain = "2s"
observe = "2s"
[probe]
every = "1s"
slow = "2s"
timeout = "3s"
[prober]
listen = "{prober}:7701"
health = "0.0.0.0:7703"
watchers = []
"#
    )
}
