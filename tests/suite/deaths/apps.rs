//! The app of either colour dies, hangs, is slow, or never comes up.

use std::time::Duration;

use allswell::cli::scroll::conduct::Conduct;
use rustix::process::Signal;

use super::system;
use crate::harness::system::{config, demo_command, status};
use crate::harness::{Host, Sinks, System};

/// `fall` times `every`, and `timeout`, and two seconds.
const BOUND: Duration = Duration::from_millis(3 * 1_000 + 500 + 2_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_live_app_hung_is_one_critical_incident_told_on_every_channel_and_resolved() {
    let (system, sinks, traffic) = system("").await;
    traffic.all_answered().await;
    system.signal("blue-1", Signal::STOP).await;
    let told = sinks.alarmed(BOUND, &["blue"]).await;
    let data = &told.body["data"];
    assert_eq!((data["severity"].as_str(), data["live"].as_str(), data["colour"].as_str()), (Some("critical"), Some("blue"), Some("blue")));
    system.signal("blue-1", Signal::CONT).await;
    let resolved = sinks.told(BOUND, &["check.resolved"], &["blue"]).await;
    assert!(resolved.body["data"]["duration_seconds"].as_u64().is_some_and(|seconds| seconds >= 2), "{}", resolved.body);
    system.until("everything that hung on it is well again", |overview| overview["incidents"].as_array().is_some_and(Vec::is_empty)).await;
    assert_eq!(sinks.incidents().len(), 1, "one fault, one incident: {:?}", sinks.hook.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_live_app_killed_is_one_critical_incident_and_it_is_started_again() {
    let (system, sinks, _) = system("").await;
    let before = system.pid("blue-1").await;
    system.signal("blue-1", Signal::KILL).await;
    let told = sinks.told(BOUND, &["check.down", "check.resolved"], &["heartbeat-blue", "blue"]).await;
    assert_eq!(told.body["data"]["severity"], "critical", "{}", told.body);
    assert!(told.body.to_string().contains("signal 9"), "{}", told.body);
    system.until("it works again", |overview| status(overview, "blue") == "up" && status(overview, "heartbeat-blue") == "up").await;
    assert_ne!(system.pid("blue-1").await, before);
    sinks.told(BOUND, &["check.resolved"], &["heartbeat-blue", "blue"]).await;
    assert!(sinks.incidents().len() <= 1, "one fault, one incident: {:?}", sinks.hook.told());
    system.signal("green-1", Signal::KILL).await;
    let told = sinks.told(BOUND, &["check.down", "check.resolved"], &["heartbeat-green", "green"]).await;
    assert_eq!(told.body["data"]["severity"], "warning", "the idle one: {}", told.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_idle_app_hung_is_a_warning() {
    let (system, sinks, traffic) = system("").await;
    system.signal("green-1", Signal::STOP).await;
    let told = sinks.alarmed(BOUND, &["green"]).await;
    assert_eq!(told.body["data"]["severity"], "warning", "{}", told.body);
    system.signal("green-1", Signal::CONT).await;
    sinks.told(BOUND, &["check.resolved"], &["green"]).await;
    assert_eq!(sinks.incidents().len(), 1, "one fault, one incident: {:?}", sinks.hook.told());
    traffic.all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_app_that_is_slow_is_doing_poorly_and_one_lower() {
    let host = Host::new();
    let sinks = Sinks::start(&host).await;
    let command = format!("{} --control {}", demo_command(&host), host.path("demo-{colour}.sock").display());
    // The demo's slow answer takes 3 s.
    let text = config(&host, &command, &sinks.channels()).replace("timeout = \"500ms\"", "timeout = \"5s\"");
    std::fs::create_dir_all(host.path("state")).expect("a directory");
    let system = System::start(host, &text).await;
    for (number, (colour, severity)) in [("blue", "warning"), ("green", "info")].into_iter().enumerate() {
        system.conduct(colour, Conduct::Slow).await;
        let told = sinks.alarmed(BOUND + Duration::from_millis(4_500), &[colour]).await;
        assert_eq!((told.kind.as_str(), &told.body["data"]["severity"]), ("check.poorly", &severity.into()), "{}", told.body);
        system.conduct(colour, Conduct::Recover).await;
        sinks.told(BOUND * 2, &["check.resolved"], &[colour]).await;
        assert_eq!(sinks.incidents().len(), number + 1, "one fault, one incident: {:?}", sinks.hook.told());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_app_that_never_comes_up_is_told() {
    let host = Host::new();
    let sinks = Sinks::start(&host).await;
    let text = config(&host, "sleep 600", &sinks.channels());
    let _system = System::launch(host, &text).await;
    // Ten seconds more: everything starts in them.
    for colour in ["blue", "green"] {
        sinks.alarmed(BOUND + Duration::from_secs(10), &[colour]).await;
    }
}
