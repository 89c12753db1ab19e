//! What goes wrong on a Swarm: each with its exit code and its words, and the spec before put back, once.

use rustix::process::{Pid, Signal, kill_process};

use super::system::{LIMIT, Swarm};
use crate::harness::{Demo, LAST_WORDS, Nodes, Stage, command, within};

/// For images whose heartbeat must be told where to beat.
const BEATS: &str = "[runtime.env]\nALLSWELL_WATCHERS = \"http://127.0.0.1:7700\"\nALLSWELL_BEAT_KEY = \"k\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_fails_on_a_swarm_is_put_back_once_and_says_why() {
    let swarm = Swarm::start(1, &[Demo::Bare("1"), Demo::Sick, Demo::Crash], BEATS).await;
    let first = swarm.run(&["deploy", "green", "--image", "none:9", "--yes"]).await;
    assert_eq!(first.code, 1, "{first:?}");
    assert_eq!(swarm.runs("shop-green").await, "", "a service that the deploy had created is removed");
    swarm.done(&["deploy", "green", "--image", "bare:1", "--version", "1", "--yes"]).await;
    let good = deploy_of(&swarm).await;
    for (image, code, words) in [
        ("none:9", 1, &["No such image: none:9", "may the nodes pull it"][..]),
        ("demo:crash", 1, &["non-zero exit (3)", LAST_WORDS]),
        ("demo:sick", 4, &["answered 404", "the catalogue is being read"]),
    ] {
        let ran = swarm.run(&["deploy", "green", "--image", image, "--version", "2", "--yes"]).await;
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, code, "{image}: {said}");
        for words in words {
            assert!(said.contains(words), "{image}: {words}: {said}");
        }
        assert_eq!(said.matches("put back").count(), 1, "{image}: {said}");
        assert_eq!(swarm.runs("shop-green").await, "bare:1 1/1", "{image}");
        assert_eq!(deploy_of(&swarm).await, good, "{image}: the spec of the deploy that was good");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_no_node_suits_ends_at_our_own_deadline() {
    let swarm = Swarm::start(1, &[Demo::Bare("1")], "constraints = \"node.labels.disk == ssd\"").await;
    let ran = swarm.run(&["deploy", "green", "--image", "bare:1", "--yes"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("not within") && ran.err.contains("no suitable node") && ran.err.contains("docker node ls"), "{ran:?}");
    assert_eq!(swarm.runs("shop-green").await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changes_a_service_at_the_same_time_is_noticed() {
    let swarm = Swarm::start(1, &[Demo::Bare("1"), Demo::Bare("2")], "").await;
    swarm.done(&["deploy", "green", "--image", "bare:1", "--yes"]).await;
    let meddling = async {
        loop {
            swarm.nodes.manager().try_docker(&["service", "update", "--detach", "--quiet", "--force", "shop-green"]).await;
        }
    };
    let ran = tokio::select! {
        ran = swarm.run(&["deploy", "green", "--image", "bare:2", "--yes"]) => ran,
        () = meddling => unreachable!("it has no end"),
    };
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.err.contains("somebody else") && ran.err.contains("start anew"), "{ran:?}");
    within(LIMIT, "it is as it was", || async { (swarm.runs("shop-green").await == "bare:1 1/1").then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_that_was_told_to_end_puts_back_what_was_there() {
    let swarm = Swarm::start(1, &[Demo::Bare("1"), Demo::Bare("2")], "").await;
    swarm.done(&["deploy", "green", "--image", "bare:1", "--yes"]).await;
    let begun = swarm.command(&["deploy", "green", "--image", "bare:2", "--yes"]).spawn().expect("the executable starts");
    let pid = Pid::from_raw(i32::try_from(begun.id().expect("it runs")).expect("a process id")).expect("not zero");
    within(LIMIT, "the service is changed", || async { swarm.runs("shop-green").await.starts_with("bare:2").then_some(()) }).await;
    kill_process(pid, Signal::TERM).expect("it is there");
    let ended = begun.wait_with_output().await.expect("it ends");
    // It may have been done an instant before it heard of it.
    let wanted = if ended.status.success() { "bare:2 1/1" } else { "bare:1 1/1" };
    assert_eq!(swarm.runs("shop-green").await, wanted, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_deploy_left_unproven_on_a_swarm_is_put_back_by_the_next() {
    let swarm = Swarm::start(1, &[Demo::Bare("1"), Demo::Sick], &format!("deploy_timeout = \"30s\"\n{BEATS}")).await;
    swarm.done(&["deploy", "green", "--image", "bare:1", "--version", "1", "--yes"]).await;
    let mut begun = swarm.command(&["deploy", "green", "--image", "demo:sick", "--yes"]).spawn().expect("the executable starts");
    within(LIMIT, "the service is changed", || async { swarm.runs("shop-green").await.starts_with("demo:sick").then_some(()) }).await;
    begun.kill().await.expect("it is there");
    // The lease of the one that was killed has its time. The next one does not stand on what it left: it is refused too, and bare:1 is back.
    let next = within(LIMIT, "the lease is free", || async {
        let ran = swarm.run(&["--json", "deploy", "green", "--image", "none:9", "--yes"]).await;
        (ran.code != 6).then_some(ran)
    })
    .await;
    assert_eq!(next.code, 1, "{next:?}");
    assert!(next.out.contains("\"error\": ") && next.out.contains("Put back: "), "{next:?}");
    assert_eq!(swarm.runs("shop-green").await, "bare:1 1/1", "{next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_no_manager_says_what_is_missing() {
    let stage = Stage::new().await;
    let nodes = Nodes::swarm(2).await;
    let worker = &nodes.all()[1];
    std::fs::write(stage.host.path("allswell.toml"), "[runtime]\nkind = \"swarm\"\nnetworks = \"shop\"\n").expect("the config is written");
    std::fs::create_dir(stage.host.path(".allswell")).expect("a state directory");
    let asked = async || {
        let output = command(&stage.host, &["logs", "green"]).env("DOCKER_HOST", worker.host()).output().await.expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = asked().await;
    assert!(said.contains("is a worker of the Swarm") && said.contains(nodes.manager().address()), "{said}");
    worker.docker(&["swarm", "leave"]).await;
    let said = asked().await;
    assert!(said.contains("is in no Swarm") && said.contains("docker swarm init"), "{said}");
}

async fn deploy_of(swarm: &Swarm) -> String {
    swarm.docker(&["service", "inspect", "--format", "{{index .Spec.Labels \"allswell.deploy\"}}", "shop-green"]).await
}
