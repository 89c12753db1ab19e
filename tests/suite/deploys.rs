//! Stories of a deploy: a version that never gets healthy, one that turns bad, and two operators at once.

use std::process::Output;
use std::time::Duration;

use allswell::cli::scroll::conduct::Conduct;
use allswell::domain::colour::Colour;
use allswell::proxy::control::ProxyControl;

use crate::harness::system::config;
use crate::harness::{Host, Sinks, System, eventually};

/// The demo app; in version `bad` something that never listens, and says why.
fn command(host: &Host) -> String {
    let scroll =
        format!("exec {{allswell}} scroll --bind {} --port {{port}} --control {}", host.ip, host.path("demo-{colour}.sock").display());
    format!(r#"sh -c "case x{{version}} in xbad) echo cannot open the database; exec sleep 600;; *) {scroll};; esac""#)
}

async fn system() -> (System, Sinks) {
    let host = Host::new();
    let sinks = Sinks::start(&host).await;
    let text = config(&host, &command(&host), &sinks.channels());
    (System::start(host, &text).await, sinks)
}

async fn live(system: &System) -> Option<Colour> {
    ProxyControl::new(&system.state().join("proxy.sock"), Duration::from_secs(5)).state().await.ok()?.live
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_version_that_never_gets_healthy_is_refused_and_live_is_untouched() {
    let (system, _sinks) = system().await;
    let output = system.run(&["deploy", "--version", "bad", "--switch"]).await;
    let said = words(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("connection refused"), "what the last probe saw: {said}");
    assert!(said.contains("cannot open the database"), "the instance's last lines: {said}");
    assert_eq!(live(&system).await, Some(Colour::Blue));
    let history = words(&system.run(&["history"]).await);
    assert!(history.contains("bad"), "{history}");
    let output = system.run(&["deploy", "--version", "good"]).await;
    assert_eq!(output.status.code(), Some(0), "the next deploy mends it: {}", words(&output));
    assert_eq!(live(&system).await, Some(Colour::Blue));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_version_that_turns_bad_within_observe_is_taken_back_with_an_alarm() {
    let (system, sinks) = system().await;
    let turns_bad = async {
        eventually("green is live", || async { (live(&system).await? == Colour::Green).then_some(()) }).await;
        system.conduct("green", Conduct::Fail).await;
    };
    let (output, ()) = tokio::join!(system.run(&["deploy", "--version", "2", "--switch"]), turns_bad);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("answered 500"), "{said}");
    assert_eq!(live(&system).await, Some(Colour::Blue));
    eventually("the return is told", || async { sinks.hook.taken().iter().any(|taken| taken.kind == "switch.reverted").then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn of_two_switches_at_once_one_goes_on_and_the_other_says_who() {
    let (system, _sinks) = system().await;
    let second = async {
        eventually("the first has shifted", || async { (live(&system).await? == Colour::Green).then_some(()) }).await;
        system.run(&["switch", "blue"]).await
    };
    let (first, second) = tokio::join!(system.run(&["switch", "green"]), second);
    assert_eq!(first.status.code(), Some(0), "{}", words(&first));
    assert_eq!(second.status.code(), Some(6), "{}", words(&second));
    assert!(words(&second).contains('@'), "says who: {}", words(&second));
    assert_eq!(live(&system).await, Some(Colour::Green));
    let output = system.run(&["rollback"]).await;
    assert_eq!((output.status.code(), live(&system).await), (Some(0), Some(Colour::Blue)), "{}", words(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn stop_asks_first_and_then_leaves_no_process() {
    let (mut system, _sinks) = system().await;
    let output = system.run(&["stop"]).await;
    assert_eq!(output.status.code(), Some(7), "nobody said yes: {}", words(&output));
    assert_eq!(live(&system).await, Some(Colour::Blue));
    let output = system.run(&["stop", "--yes"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert!(system.up().end(Duration::from_secs(20)).await.success());
    let left = std::fs::read_dir(system.state().join("processes")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "records of processes that still run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_deploy_cuts_on_the_idle_colour_stands_in_the_history() {
    let (system, _sinks) = system().await;
    let (_socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/room", system.host.at(8000))).await.unwrap();
    let switched = system.run(&["switch", "green", "--no-wait"]).await;
    assert_eq!(switched.status.code(), Some(0), "{}", words(&switched));
    eventually("the switch is over", || async { words(&system.run(&["history"]).await).contains("done").then_some(()) }).await;
    let deployed = system.run(&["deploy", "blue", "--version", "3", "--yes"]).await;
    assert_eq!(deployed.status.code(), Some(0), "{}", words(&deployed));
    let history = words(&system.run(&["history"]).await);
    assert!(history.contains("0 requests and 1 streams still run on blue and are left"), "{history}");
    assert!(history.contains("0 requests and 1 streams were cut"), "{history}");
}
