//! The command is killed between any two steps: the next one recovers, and nothing is lost.

use rustix::process::{Pid, Signal, kill_process};

use super::system::{LIMIT, System};
use crate::harness::{Demo, within};

/// A container as a deploy that was cut off has left it.
async fn left(system: &System, rest: &str, deploy: &str) -> String {
    let app = format!("allswell.app={}", system.stage.name_of("shop"));
    let image = system.stage.demo(Demo::Bare("1")).await;
    let (deploy, made) = (format!("allswell.deploy={deploy}"), format!("allswell.made={deploy}"));
    let labels =
        ["--label", &app, "--label", "allswell.colour=green", "--label", &deploy, "--label", &made, "--network-alias", "shop-green"];
    system.stage.run(&format!("shop-green-{rest}"), &labels, &image, &[]).await
}

/// A deploy that is refused, so that what it found is what stays.
async fn refused(system: &System) -> String {
    let sick = system.stage.demo(Demo::Sick).await;
    let ran = system.allswell(&["deploy", "green", "--image", &sick, "--yes"]).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    ran.out
}

async fn names(system: &System) -> Vec<String> {
    let green = format!("{} ", system.container("green", ""));
    let prefix = green.trim_end().to_owned();
    system
        .containers()
        .await
        .iter()
        .filter(|line| line.starts_with(&prefix))
        .map(|line| line.split(' ').next().unwrap_or("").to_owned())
        .collect()
}

#[tokio::test]
async fn what_a_killed_command_left_unproven_is_removed_by_the_next() {
    let system = System::start("deploy_timeout = \"35s\"\n[runtime.env]\nALLSWELL_WATCHERS = \"http://nobody:7700\"").await;
    let old = system.inspect(&system.container("green", "1"), "{{.Id}}").await;
    let sick = system.stage.demo(Demo::Sick).await;
    let mut child = system.command(&["deploy", "green", "--image", &sick, "--yes"]).spawn().expect("it starts");
    let new = system.container("green", "1-new");
    within(LIMIT, "the new container", || async { names(&system).await.contains(&new).then_some(()) }).await;
    kill_process(Pid::from_raw(child.id().expect("it runs").cast_signed()).expect("a process"), Signal::KILL).expect("it is killed");
    child.wait().await.expect("it ends");
    let shown = system.allswell(&["--json", "status"]).await;
    assert!(shown.out.contains("new, and not proven"), "{shown:?}");
    // The lease of the one that was killed has its time.
    let image = system.stage.demo(Demo::Bare("1")).await;
    let deployed = within(LIMIT, "the lease is free", || async {
        let ran = system.allswell(&["deploy", "green", "--image", &image, "--version", "2", "--yes"]).await;
        (ran.code != 6).then_some(ran)
    })
    .await;
    assert_eq!(deployed.code, 0, "{deployed:?}");
    assert!(deployed.out.contains(&format!("removed {new}, which a deploy that was cut off had left unproven")), "{deployed:?}");
    assert_eq!(names(&system).await, [system.container("green", "1")]);
    assert_ne!(system.inspect(&system.container("green", "1"), "{{.Id}}").await, old);
}

#[tokio::test]
async fn proven_containers_whose_old_ones_are_gone_stay() {
    let system = System::start("").await;
    let (settled, proven) = (system.container("green", "1"), system.container("green", "1-proven"));
    let id = system.inspect(&settled, "{{.Id}}").await;
    system.stage.docker(&["rename", &settled, &proven]).await;
    let said = refused(&system).await;
    assert!(said.contains(&format!("ended a deploy that was cut off after its containers were proven: {settled}")), "{said}");
    assert_eq!(names(&system).await, std::slice::from_ref(&settled));
    assert_eq!(system.inspect(&settled, "{{.Id}} {{.State.Running}}").await, format!("{id} true"));
}

#[tokio::test]
async fn proven_containers_take_the_place_of_old_ones_that_are_still_there() {
    let system = System::start("").await;
    let id = left(&system, "1-proven", "99").await;
    let id = system.inspect(&id, "{{.Id}}").await;
    refused(&system).await;
    let settled = system.container("green", "1");
    assert_eq!(names(&system).await, std::slice::from_ref(&settled));
    assert_eq!(system.inspect(&settled, "{{.Id}}").await, id);
}

#[tokio::test]
async fn a_deploy_that_was_cut_off_while_it_marked_its_containers_is_taken_back() {
    let system = System::start("").await;
    let settled = system.container("green", "1");
    let id = system.inspect(&settled, "{{.Id}}").await;
    left(&system, "1-proven", "99").await;
    left(&system, "2-new", "99").await;
    refused(&system).await;
    assert_eq!(names(&system).await, std::slice::from_ref(&settled));
    assert_eq!(system.inspect(&settled, "{{.Id}}").await, id);
}

#[tokio::test]
async fn an_interrupted_deploy_leaves_what_ran_before() {
    let system = System::start("[runtime.env]\nALLSWELL_WATCHERS = \"http://nobody:7700\"").await;
    let before = system.containers().await;
    let sick = system.stage.demo(Demo::Sick).await;
    let child =
        system.command(&["deploy", "green", "--image", &sick, "--yes"]).stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    let new = system.container("green", "1-new");
    within(LIMIT, "the new container", || async { names(&system).await.contains(&new).then_some(()) }).await;
    kill_process(Pid::from_raw(child.id().expect("it runs").cast_signed()).expect("a process"), Signal::INT).expect("it is told");
    let ended = child.wait_with_output().await.expect("it ends");
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(system.containers().await, before);
}
