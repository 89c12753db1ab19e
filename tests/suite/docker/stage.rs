//! What every story on the engine relies on.

use std::time::Duration;

use allswell::domain::beat::BeatKind;
use allswell::net::client::http;

use crate::harness::{Demo, Ear, HealthUrl, LAST_WORDS, Nodes, Stage, within};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_published_port_is_reached_at_the_stage_s_address_and_a_container_by_its_name() {
    let stage = Stage::new().await;
    let image = stage.demo(Demo::Bare("7")).await;
    let publish = format!("{}:80:3000", stage.there());
    stage.run("blue", &["--publish", &publish, "--env", "ALLSWELL_COLOUR=blue"], &image, &[]).await;
    let client = http(Duration::from_secs(1)).expect("a client");
    let url = format!("http://{}/whoami", stage.there());
    let said = within(LIMIT, "the app answers", || async { client.get(&url).send().await.ok()?.text().await.ok() }).await;
    assert_eq!(said, "blue 7\n");
    stage.docker(&["run", "--rm", "--network", &stage.name, "allswell-heartbeat", "probe", "http://blue:3000/healthz"]).await;
}

#[tokio::test]
async fn a_container_reaches_us_at_the_stage_s_address() {
    let stage = Stage::new().await;
    let _ours = HealthUrl::start(&format!("{}:80", stage.here())).await;
    let url = format!("http://{}/healthz", stage.here());
    stage.docker(&["run", "--rm", "--network", &stage.name, "allswell-heartbeat", "probe", &url]).await;
}

#[tokio::test]
async fn the_demo_app_beats_from_its_container() {
    let stage = Stage::new().await;
    let ear = Ear::start(&format!("{}:7700", stage.here()), "k").await;
    let watchers = format!("ALLSWELL_WATCHERS=http://{}:7700", stage.here());
    let options =
        ["--env", &watchers, "--env", "ALLSWELL_CHECK=heartbeat-blue", "--env", "ALLSWELL_BEAT_KEY=k", "--env", "ALLSWELL_EVERY=200ms"];
    let name = stage.run("blue", &options, &stage.demo(Demo::Version("7")).await, &[]).await;
    let beat = within(LIMIT, "a beat", || async { ear.last(BeatKind::Success) }).await;
    assert_eq!((beat.check.as_str(), beat.version.as_deref()), ("heartbeat-blue", Some("7")));
    stage.docker(&["stop", &name]).await;
    within(LIMIT, "its bye", || async { ear.last(BeatKind::Bye) }).await;
}

#[tokio::test]
async fn the_demo_app_misbehaves_as_its_image_says() {
    let stage = Stage::new().await;
    let [crash, sick, slow] = [stage.demo(Demo::Crash).await, stage.demo(Demo::Sick).await, stage.demo(Demo::Slow).await];
    let options = ["--env", "ALLSWELL_CHECK=x", "--env", "ALLSWELL_BEAT_KEY=k", "--env", "ALLSWELL_WATCHERS=http://nobody"];
    let crashed = stage.run("crash", &options, &crash, &[]).await;
    let (sick, slow) = (stage.run("sick", &options, &sick, &[]).await, stage.run("slow", &options, &slow, &[]).await);
    assert_eq!(stage.docker(&["wait", &crashed]).await, "3");
    let logs = stage.engine.try_docker(&["logs", &crashed]).await;
    assert!(logs.err.contains(LAST_WORDS), "{logs:?}");
    let probe = async |container: &str| {
        let url = "http://localhost:3000/healthz";
        stage.engine.try_docker(&["exec", container, "/allswell-heartbeat", "probe", url]).await.out
    };
    within(LIMIT, "the slow one is well", || async { probe(&slow).await.is_empty().then_some(()) }).await;
    assert_eq!(probe(&sick).await, "answered 404\n");
}

#[tokio::test]
async fn what_a_stage_made_goes_with_it() {
    let stage = Stage::new().await;
    let image = stage.demo(Demo::Bare("1")).await;
    let (engine, name) = (stage.engine.clone(), stage.name.clone());
    stage.run("app", &["--volume", &format!("{}:/data", stage.name_of("data"))], &image, &[]).await;
    // One that was named otherwise, in our network.
    let id = stage.host.path("id");
    stage.docker(&["run", "--detach", "--network", &stage.name, "--cidfile", id.to_str().expect("words"), &image]).await;
    let id = std::fs::read_to_string(id).expect("its id");
    drop(stage);
    assert_ne!(engine.try_docker(&["inspect", &id]).await.code, 0);
    for listing in [&["ps", "--all", "--format", "{{.Names}} {{.Networks}}"][..], &["network", "ls"], &["volume", "ls"]] {
        let left = engine.docker(listing).await;
        assert!(!left.lines().any(|line| line.split([' ', '-']).any(|word| word == name)), "{left}");
    }
}

#[tokio::test]
async fn an_engine_that_is_restarted_has_its_containers_and_its_addresses() {
    let stage = Stage::alone().await;
    let image = stage.demo(Demo::Bare("1")).await;
    let publish = format!("{}:80:3000", stage.engine.address());
    stage.run("app", &["--restart", "always", "--publish", &publish], &image, &[]).await;
    let client = http(Duration::from_secs(1)).expect("a client");
    let url = format!("http://{}/healthz", stage.engine.address());
    let answers = async || client.get(&url).send().await.is_ok();
    within(LIMIT, "the app answers", || async { answers().await.then_some(()) }).await;
    stage.engine.stop().await;
    assert!(!answers().await);
    assert!(!std::path::Path::new(stage.engine.host().trim_start_matches("unix://")).exists());
    assert_ne!(stage.engine.try_docker(&["ps"]).await.code, 0);
    stage.engine.go_on().await;
    within(LIMIT, "the app answers again", || async { answers().await.then_some(()) }).await;
}

#[tokio::test]
async fn containers_on_two_nodes_of_a_swarm_find_each_other_by_name() {
    let stage = Stage::new().await;
    let image = stage.demo(Demo::Bare("1")).await;
    let nodes = Nodes::swarm(2).await;
    nodes.bring(&image).await;
    nodes.bring("allswell-heartbeat").await;
    let [manager, worker] = nodes.all() else { panic!("two nodes") };
    let states = manager.docker(&["node", "ls", "--format", "{{.Status}}"]).await;
    assert_eq!(states, "Ready\nReady");
    let names = manager.docker(&["node", "ls", "--format", "{{.Hostname}}"]).await;
    assert_eq!(names.lines().collect::<std::collections::BTreeSet<_>>().len(), 2, "{names}");
    manager.docker(&["network", "create", "--driver", "overlay", "--attachable", "shop"]).await;
    let service = ["service", "create", "--quiet", "--name", "blue", "--network", "shop", "--endpoint-mode", "dnsrr", "--mode", "global"];
    manager.docker(&[&service[..], &["--no-resolve-image", &image]].concat()).await;
    worker.docker(&["run", "--detach", "--name", "prober", "--network", "shop", "--entrypoint", "sleep", &image, "600"]).await;
    let addresses = within(LIMIT, "both tasks are found by name", || async {
        let found = worker.try_docker(&["exec", "prober", "nslookup", "tasks.blue"]).await.out;
        let addresses: Vec<_> = found.lines().filter_map(|line| line.strip_prefix("Address: ").map(str::to_owned)).collect();
        (addresses.len() == 2).then_some(addresses)
    })
    .await;
    for address in addresses {
        let url = format!("http://{address}:3000/healthz");
        worker.docker(&["run", "--rm", "--network", "shop", "allswell-heartbeat", "probe", &url]).await;
    }
}

#[tokio::test]
async fn the_shared_engine_is_a_swarm_of_one_when_asked() {
    let stage = Stage::new().await;
    for _ in 0..2 {
        stage.engine.be_swarm().await;
        assert_eq!(stage.docker(&["info", "--format", "{{.Swarm.ControlAvailable}}"]).await, "true");
    }
}
