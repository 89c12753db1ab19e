//! Our images, as users build them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{Demo, Stage, within};

const LIMIT: Duration = Duration::from_secs(60);
/// Every image, and whether it is a part: it has a config, a state directory and a health check.
const IMAGES: [(&str, bool); 5] =
    [("allswell", false), ("allswell-heartbeat", false), ("allswell-prober", true), ("allswell-watcher", true), ("allswell-proxy", true)];
/// As little as a container can have.
const LOCKED: [&str; 5] = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

async fn inspect(stage: &Stage, image: &str) -> Value {
    serde_json::from_str::<Value>(&stage.docker(&["image", "inspect", image]).await).expect("JSON")[0]["Config"].clone()
}

/// The first story of tests/all.sh: the others find the images made.
#[tokio::test]
async fn every_image_is_built_by_the_dockerfile_that_users_build() {
    let stage = Stage::new().await;
    for (image, is_part) in IMAGES {
        let config = inspect(&stage, image).await;
        assert_eq!((&config["User"], &config["Entrypoint"]), (&json!("65532:65532"), &json!([format!("/{image}")])), "{image}");
        let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap_or_default().to_owned();
        assert_eq!((label("title").as_str(), label("version").as_str()), (image, env!("CARGO_PKG_VERSION")));
        assert_eq!((label("licenses").as_str(), label("revision").as_str()), (env!("CARGO_PKG_LICENSE"), "unknown"));
        assert!(!label("description").is_empty(), "{image}");
        let probe = if is_part { json!(["CMD", format!("/{image}"), "probe"]) } else { Value::Null };
        assert_eq!(config["Healthcheck"]["Test"], probe, "{image}");
        if image != "allswell-heartbeat" {
            assert_eq!(config["Volumes"], json!({ "/state": {} }), "{image}");
            assert_eq!(config["WorkingDir"], json!("/state"), "{image}");
        }
        let version = stage.docker(&[&["run", "--rm", "--network", "none"], &LOCKED[..], &[image, "--version"]].concat()).await;
        assert!(version.starts_with(&format!("{image} {} (", env!("CARGO_PKG_VERSION"))), "{version}");
    }
}

#[tokio::test]
async fn an_image_holds_one_executable_and_nothing_else() {
    let stage = Stage::new().await;
    for (image, _) in IMAGES {
        let tar = stage.host.path(&format!("{image}.tar"));
        let name = stage.name_of(image);
        stage.docker(&["create", "--name", &name, image]).await;
        stage.docker(&["export", "--output", tar.to_str().expect("words"), &name]).await;
        let listed = Command::new("tar").arg("-tf").arg(&tar).output().await.expect("tar is installed");
        // What the engine puts into every container.
        let is_ours = |path: &&str| !["dev", "etc", "proc", "sys", ".dockerenv"].contains(&path.split('/').next().unwrap_or_default());
        let listed = String::from_utf8(listed.stdout).expect("names");
        let found: BTreeSet<_> = listed.lines().filter(is_ours).collect();
        let expected: BTreeSet<_> = if image == "allswell-heartbeat" { vec![image] } else { vec![image, "state/"] }.into_iter().collect();
        assert_eq!(found, expected, "{image}");
    }
}

/// Of the image that it is copied into the heartbeat takes nothing: a library that resolves names there may need another C library.
#[tokio::test]
async fn where_names_are_resolved_by_a_library_of_the_image_the_heartbeat_does_without() {
    let stage = Stage::new().await;
    let volumes = services(&stage, "loud files", "__attribute__((constructor)) static void loud(void) { __builtin_trap(); }\n").await;
    assert_eq!(probed(&stage, &volumes, "shop").await, (1, "connection refused\n".to_owned()));
}

/// Whoever has the C library of that library may load it.
#[tokio::test]
async fn where_there_is_getent_a_name_is_found_that_only_such_a_library_knows() {
    let stage = Stage::new().await;
    let system = ["/usr/bin/getent", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"];
    let mut volumes = services(&stage, "files shop", include_str!("shop.c")).await;
    volumes.extend(system.map(|path| format!("{path}:{path}:ro")));
    for (host, said) in [("shop.example", "connection refused\n"), ("nobody.example", "Name or service not known\n")] {
        assert_eq!(probed(&stage, &volumes, host).await, (1, said.to_owned()), "{host}");
    }
}

/// What the heartbeat says of a host by its name, with these volumes and a hosts file that knows `shop`: its exit code, and its words.
async fn probed(stage: &Stage, volumes: &[String], host: &str) -> (i32, String) {
    let url = format!("http://{host}:3000/healthz");
    let mut words = vec!["run", "--rm", "--network", "none", "--add-host", "shop:127.0.0.1"];
    words.extend(volumes.iter().flat_map(|volume| ["--volume", volume]));
    words.extend(["allswell-heartbeat", "probe", &url]);
    let asked = stage.engine.try_docker(&words).await;
    (asked.code, asked.out)
}

/// What gives an image the library of a service of that name, compiled of this source, and the order of services: as volumes.
async fn services(stage: &Stage, order: &str, source: &str) -> Vec<String> {
    let service = order.split(' ').find(|service| *service != "files").expect("a service of ours");
    let [written, library, file] = ["service.c", "service.so", "nsswitch.conf"].map(|name| stage.host.path(name));
    std::fs::write(&written, source).expect("a file");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-nostdlib", "-o"]).args([&library, &written]).status().await;
    assert!(compiled.expect("a C compiler").success());
    std::fs::write(&file, format!("hosts: {order}\n")).expect("a file");
    vec![format!("{}:/usr/lib/libnss_{service}.so.2:ro", library.display()), format!("{}:/etc/nsswitch.conf:ro", file.display())]
}

#[tokio::test]
async fn every_part_runs_with_no_rights_and_its_health_check_says_how_it_is() {
    let stage = Stage::new().await;
    let demo = stage.demo(Demo::Bare("1")).await;
    for colour in ["blue", "green"] {
        stage.run(colour, &["--env", &format!("ALLSWELL_COLOUR={colour}")], &demo, &[]).await;
    }
    let config = stage.host.path("allswell.toml");
    let text = "[app]\nname = \"shop\"\nheartbeats = false\n[app.blue]\naddress = \"blue:3000\"\n[app.green]\naddress = \"green:3000\"\n\
         [runtime]\ncommand = \"true\"\n[proxy]\nhealth = \"0.0.0.0:7702\"\n[probe]\nevery = \"1s\"\n\
         [prober]\nhealth = \"0.0.0.0:7703\"\nurl = \"http://prober:7703\"\nwatchers = [\"http://watcher:7700\"]\n\
         [watcher]\nlisten = \"0.0.0.0:7700\"\nurl = \"http://watcher:7700\"\n";
    std::fs::write(&config, text).expect("a file");
    let mount = format!("{}:/etc/allswell/allswell.toml:ro", config.display());
    let options = [&["--volume", &mount, "--env", "ALLSWELL_BEAT_KEY=k", "--health-interval", "1s"], &LOCKED[..]].concat();
    let health = async |container: &str| {
        stage.docker(&["inspect", "--format", "{{.State.Health.Status}} {{range .State.Health.Log}}{{.Output}}{{end}}", container]).await
    };
    // Proxy and prober share a state directory, by which they find each other; the watcher has its own.
    let shared = stage.name_of("state");
    let mut parts = Vec::new();
    for (part, state) in [("watcher", stage.name_of("watcher")), ("proxy", shared.clone()), ("prober", shared)] {
        // A network namespace for both, as on one host: the prober asks the front door by loopback.
        let beside = format!("container:{}", stage.name_of("proxy"));
        let whole = stage.name_of(part);
        let (image, state) = (format!("allswell-{part}"), format!("{state}:/state"));
        let network = if part == "prober" { vec!["--network", &beside] } else { vec!["--network", &stage.name, "--network-alias", part] };
        let words = [&["run", "--detach", "--name", &whole, "--volume", &state], &network[..], &options[..], &[&image]].concat();
        stage.docker(&words).await;
        parts.push(whole);
    }
    for part in &parts {
        within(LIMIT, &format!("{part} is healthy"), || async { health(part).await.starts_with("healthy").then_some(()) }).await;
    }
    // The same question where nobody answers.
    let words = [&["run", "--rm", "--network", "none", "--volume", &mount], &LOCKED[..], &["allswell-watcher", "probe"]].concat();
    let alone = stage.engine.try_docker(&words).await;
    assert_eq!((alone.code, alone.out.as_str()), (1, "127.0.0.1:7700: connection refused\n"), "{alone:?}");
    // And where the config is wrong.
    let exec = ["exec", &parts[2], "/allswell-prober", "probe", "--config", "/nowhere.toml"];
    let lost = stage.engine.try_docker(&exec).await;
    assert_eq!(lost.code, 2, "{lost:?}");
    assert!(lost.out.starts_with("the config /nowhere.toml cannot be read"), "{lost:?}");
}
