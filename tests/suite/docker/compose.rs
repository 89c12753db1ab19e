//! `deploy/compose.yml` and `deploy/stack.yml` as an operator uses them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use allswell::clock;
use allswell::net::question;
use allswell::signing::Key;
use serde_json::Value;
use tokio::process::Command;

use crate::harness::system::{reqwest_client, status};
use crate::harness::{Demo, Stage, within};

/// From nothing to both colours working, however busy the machine.
const LIMIT: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);
const KEY: &str = "a key of the story";

/// What a program said, and how it ended.
struct Ran {
    code: Option<i32>,
    words: String,
}

/// A place on a stage where something is set up by the files of `deploy/`.
struct Place {
    stage: Stage,
    /// A copy of `deploy/`, so that nothing of the working tree is in it.
    deploy: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    async fn new(stage: Stage, environment: impl FnOnce(&Stage) -> Vec<(&'static str, String)>) -> Self {
        let deploy = stage.host.path("deploy");
        let copied = std::process::Command::new("cp").arg("-r").arg(original()).arg(&deploy).status();
        assert!(copied.is_ok_and(|status| status.success()), "deploy/ is copied");
        let environment = environment(&stage);
        Self { stage, deploy, environment }
    }

    /// Runs a program of the operator's; nobody can be asked.
    async fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.deploy).stdin(Stdio::null()).kill_on_drop(true);
        command.env("DOCKER_HOST", self.stage.engine.host()).env("DOCKER_BUILDKIT", "0").env_remove("DOCKER_CONTEXT");
        let output = command.envs(self.environment.iter().map(|(name, value)| (name, value))).output().await;
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}. tests/all.sh installs it"));
        let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ran { code: output.status.code(), words }
    }

    /// Runs a program of the operator's, which must go well.
    async fn done(&self, program: &str, arguments: &[&str]) -> String {
        let ran = self.run(program, arguments).await;
        assert_eq!(ran.code, Some(0), "{program} {arguments:?}: {}", ran.words);
        ran.words
    }

    async fn compose(&self, arguments: &[&str]) -> String {
        self.done("docker-compose", &[&["-f", "compose.yml"], arguments].concat()).await
    }

    /// Tears everything down, as the script for it does, and looks whether anything is left.
    async fn tear_down(&self, what: &str, name: &str) {
        let script = self.deploy.join("teardown.sh").display().to_string();
        let declined = self.run(&script, &[what, name, "--volumes"]).await;
        assert_eq!(declined.code, Some(7), "{}", declined.words);
        assert!(declined.words.contains("nothing was removed"), "{}", declined.words);
        let named = self.done(&script, &[what, name, "--volumes", "--yes"]).await;
        assert!(named.contains(name), "it names what it removes: {named}");
        let again = self.done(&script, &[what, name, "--volumes", "--yes"]).await;
        assert!(again.contains("there is nothing of"), "{again}");
    }

    /// Asked from another machine: as the parts themselves do, with the key that signs beats.
    async fn overview(&self, at: &str) -> Option<Value> {
        let asked = question::overview(&reqwest_client(), &format!("http://{at}"), Some(&Key::new(KEY)));
        asked.send().await.ok()?.json().await.ok()
    }
}

/// A story that broke off leaves nothing to the next one; after a whole one there is nothing to do.
impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let script = self.deploy.join("teardown.sh").display().to_string();
        let compose = [script.as_str(), "--compose", &self.stage.name, "--volumes", "--yes"];
        let stack = [script.as_str(), "--stack", "allswell", "--volumes", "--yes"];
        for words in [&compose[..], &stack[..], &["docker", "swarm", "leave", "--force"][..]] {
            // Either it was never there, or its own words stand in what is printed.
            let _ = std::process::Command::new(words[0]).args(&words[1..]).env("DOCKER_HOST", self.stage.engine.host()).status();
        }
    }
}

fn original() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy"))
}

/// Both colours, the proxy with both listeners, the prober and both heartbeats are up; none of them has ever been down.
fn is_well(overview: &Value) -> bool {
    let checks = ["blue", "green", "proxy", "preview", "prober", "heartbeat-blue", "heartbeat-green"];
    checks.iter().all(|name| status(overview, name) == "up")
}

async fn body(url: String) -> Option<String> {
    reqwest_client().get(url).send().await.ok()?.error_for_status().ok()?.text().await.ok()
}

#[tokio::test]
async fn compose_up_is_a_working_system_on_one_host() {
    let place = Place::new(Stage::new().await, |stage| {
        let there = stage.there();
        vec![
            ("COMPOSE_PROJECT_NAME", stage.name.clone()),
            ("ALLSWELL_BEAT_KEY", KEY.to_owned()),
            ("ALLSWELL_LIVE", format!("{there}:8000")),
            ("ALLSWELL_PREVIEW", format!("{there}:8080")),
            ("ALLSWELL_PAGE", format!("{there}:7700")),
            ("DOCKER_SOCKET", stage.engine.host().trim_start_matches("unix://").to_owned()),
        ]
    })
    .await;
    place.compose(&["build", "--quiet"]).await;
    let began = clock::elapsed();
    place.compose(&["up", "--detach"]).await;
    let created = clock::elapsed().saturating_sub(began);
    let page = format!("{}:7700", place.stage.there());
    let seen = within(LIMIT, "everything is up", || async { place.overview(&page).await.filter(is_well) }).await;
    let took = clock::elapsed().saturating_sub(began);
    eprintln!(
        "compose up: everything created after {:.1} s, both colours working after {:.1} s",
        created.as_secs_f64(),
        took.as_secs_f64()
    );
    assert_eq!(seen["incidents"].as_array().map(Vec::len), Some(0), "{seen}");

    let there = place.stage.there();
    let live = body(format!("http://{there}:8000/whoami")).await;
    let preview = body(format!("http://{there}:8080/whoami")).await;
    assert_eq!((live.as_deref(), preview.as_deref()), (Some("blue 1\n"), Some("green 1\n")));
    let said = place.compose(&["run", "--rm", "allswell", "status"]).await;
    assert!(said.contains("blue") && said.contains("green"), "{said}");
    place.compose(&["run", "--rm", "allswell", "switch", "green", "--yes"]).await;
    assert_eq!(body(format!("http://{there}:8000/whoami")).await.as_deref(), Some("green 1\n"));
    the_prober_finds_the_socket_filter(&place).await;
    every_part_is_scraped(&place).await;
    every_part_is_confined(&place).await;
    let made = async |name: &str, network: &str| {
        let words = ["create", "--name", &place.stage.name_of(name), "--label", &format!("allswell.app={name}"), "--network", network];
        place.stage.docker(&[&words[..], &["busybox", "true"]].concat()).await;
    };
    made("shop", &format!("{}_default", place.stage.name)).await;
    made("other", &place.stage.name).await;
    place.tear_down("--compose", &place.stage.name).await;
    let left =
        place.stage.docker(&["ps", "--all", "--format", "{{.Names}}", "--filter", &format!("name={}", place.stage.name_of(""))]).await;
    assert_eq!(left, place.stage.name_of("other"), "what was deployed in its network is gone, and what is of another app is not");
}

/// The filter of the profile `events` stands on a network of its own: whatever has its name there is found by the prober.
async fn the_prober_finds_the_socket_filter(place: &Place) {
    let (image, name) = (place.stage.demo(Demo::Bare("1")).await, place.stage.name_of("filter"));
    let network = format!("{}_docker-socket", place.stage.name);
    let words = ["run", "--detach", "--name", &name, "--network", &network, "--network-alias", "docker-socket", &image];
    place.stage.docker(&words).await;
    let url = "http://docker-socket:3000/healthz";
    let asked = ["-f", "compose.yml", "exec", "-T", "prober", "/allswell", "heartbeat", "probe", url];
    within(LIMIT, "the prober finds it", || async { (place.run("docker-compose", &asked).await.code == Some(0)).then_some(()) }).await;
    place.stage.docker(&["rm", "--force", "--volumes", &name]).await;
}

/// What Prometheus' config names answers by the name that stands there.
async fn every_part_is_scraped(place: &Place) {
    let config = std::fs::read_to_string(place.deploy.join("prometheus/prometheus.yml")).unwrap();
    let targets: Vec<&str> = config.lines().filter_map(|line| line.trim().strip_prefix("- targets: [")?.strip_suffix(']')).collect();
    assert_eq!(targets.len(), 3);
    let network = format!("{}_default", place.stage.name);
    for target in targets {
        let url = format!("http://{target}/metrics");
        let said = place.stage.docker(&["run", "--rm", "--network", &network, "busybox", "wget", "-q", "-O", "-", &url]).await;
        assert!(said.contains("allswell_build_info"), "{target}: {said}");
    }
}

/// Every container runs as nobody, on a file system that it cannot write, and can get no more rights; none that stays has the socket.
async fn every_part_is_confined(place: &Place) {
    let filter = format!("label=com.docker.compose.project={}", place.stage.name);
    let names = place.stage.docker(&["ps", "--filter", &filter, "--format", "{{.Names}}"]).await;
    assert_eq!(names.lines().count(), 5, "{names}");
    for name in names.lines() {
        let format = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}";
        let confined = place.stage.docker(&["inspect", "--format", format, name]).await;
        assert_eq!(confined, "65532:65532 true [ALL] [no-new-privileges:true]", "{name}");
        let mounts = place.stage.docker(&["inspect", "--format", "{{json .Mounts}}", name]).await;
        assert!(!mounts.contains("docker.sock"), "{name}: {mounts}");
    }
}

#[tokio::test]
async fn a_stack_on_a_swarm_works_with_its_watcher_outside() {
    // The engine is in a swarm meanwhile, and out of it afterwards.
    let place = Place::new(Stage::alone().await, |stage| {
        let watcher = format!("http://{}:7700", stage.here());
        vec![("ALLSWELL_WATCHERS", watcher), ("ALLSWELL_APP_IMAGE", "allswell-example:latest".to_owned())]
    })
    .await;
    place.done("docker", &["build", "--quiet", "--tag", "allswell-example", "example"]).await;
    let here = format!("{}:7700", place.stage.here());
    let watcher = watcher_outside(&place, &here);
    let config = place.deploy.join("allswell.swarm.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("watch.shop.example:7700", &here);
    std::fs::write(&config, text).unwrap();

    let engine = place.stage.engine.address().to_owned();
    place.done("docker", &["swarm", "init", "--advertise-addr", &engine]).await;
    place.done("docker", &["network", "create", "--driver", "overlay", "--attachable", "allswell"]).await;
    let node = place.done("docker", &["node", "ls", "--quiet"]).await;
    place.done("docker", &["node", "update", "--label-add", "allswell.edge=true", "--label-add", "allswell.app=true", node.trim()]).await;
    let key = place.stage.host.path("key");
    std::fs::write(&key, KEY).unwrap();
    place.done("docker", &["secret", "create", "allswell-beat-key", &key.display().to_string()]).await;

    let began = clock::elapsed();
    place.done("docker", &["stack", "deploy", "--resolve-image", "never", "-c", "stack.yml", "allswell"]).await;
    within(LIMIT, "everything is up", || async { place.overview(&here).await.filter(is_well) }).await;
    eprintln!("stack deploy: both colours working after {:.1} s", clock::elapsed().saturating_sub(began).as_secs_f64());
    let live = within(SECOND * 10, "the front door answers", || body(format!("http://{engine}:8000/whoami"))).await;
    assert_eq!(live, "blue 1\n");
    let update = "{{.Spec.UpdateConfig.Order}} {{.Spec.UpdateConfig.FailureAction}} {{.Spec.EndpointSpec.Mode}}";
    let colour = place.done("docker", &["service", "inspect", "--format", update, "allswell_shop-blue"]).await;
    assert_eq!(colour.trim(), "start-first pause dnsrr");
    a_proxy_without_a_live_colour_is_left_to_its_cure(&place).await;
    for app in ["shop", "other"] {
        let label = format!("allswell.app={app}");
        let made = ["service", "create", "--detach", "--quiet", "--name", app, "--label", &label, "--replicas", "0"];
        place.done("docker", &[&made[..], &["--no-resolve-image", "busybox"]].concat()).await;
    }
    place.tear_down("--stack", "allswell").await;
    let left = place.done("docker", &["service", "ls", "--format", "{{.Name}}"]).await;
    assert_eq!(left.trim(), "other", "what was deployed of its app is gone, and what is of another one is not");
    place.done("docker", &["service", "rm", "other"]).await;
    drop(watcher);
    place.done("docker", &["swarm", "leave", "--force"]).await;
}

/// Swarm kills what is not healthy. A proxy whose state was torn says 503 on the live listener, shows the preview, and waits for a switch.
async fn a_proxy_without_a_live_colour_is_left_to_its_cure(place: &Place) {
    let first = within(LIMIT, "the proxy is healthy", || healthy_proxy(place)).await;
    let state = ["--volume", "allswell_state:/state"];
    place.done("docker", &[&["run", "--rm"], &state[..], &["busybox", "sh", "-c", "echo torn >/state/proxy.json"]].concat()).await;
    place.done("docker", &["kill", &first]).await;
    within(LIMIT, "the next one is healthy", || async { healthy_proxy(place).await.filter(|name| *name != first) }).await;
    let [live, preview] = [8000, 8080].map(|port| format!("http://{}:{port}/whoami", place.stage.engine.address()));
    let refused = reqwest_client().get(&live).send().await.expect("an answer");
    assert_eq!(refused.status().as_u16(), 503, "no colour is live");
    let seen = within(SECOND * 10, "the preview works", || body(preview.clone())).await;
    assert_eq!(seen, "green 1\n");

    let config = format!("{}:/etc/allswell/allswell.toml:ro", place.deploy.join("allswell.swarm.toml").display());
    let operator = [&["run", "--rm", "--network", "allswell", "--volume", &config], &state[..], &["allswell"]].concat();
    let switch = [&operator[..], &["switch", "blue", "--force", "its state was torn", "--no-wait", "--yes"]].concat();
    within(LIMIT, "a switch cures it", || async { (place.run("docker", &switch).await.code == Some(0)).then_some(()) }).await;
    within(SECOND * 10, "blue is live again", || async { body(live.clone()).await.filter(|said| said == "blue 1\n") }).await;
}

/// The name of the proxy's container, if it runs and is healthy.
async fn healthy_proxy(place: &Place) -> Option<String> {
    let filters = ["--filter", "label=com.docker.swarm.service.name=allswell_proxy", "--filter", "health=healthy"];
    let names = place.done("docker", &[&["ps", "--format", "{{.Names}}"], &filters[..]].concat()).await;
    Some(names.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The watcher of `deploy/watcher/`, as a process outside of the engine.
fn watcher_outside(place: &Place, here: &str) -> crate::harness::Process {
    let config = place.deploy.join("watcher/allswell.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("watch.shop.example:7700", here).replace("0.0.0.0:7700", here);
    std::fs::write(&config, text).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(&config).arg("--state").arg(place.stage.host.path("state")).env("ALLSWELL_BEAT_KEY", KEY);
    crate::harness::Process::start(&mut command, &place.stage.host.path("watcher.log"))
}
