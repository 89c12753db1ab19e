//! Stories about a switch whose command is gone, or that everything around it is stopped under.

use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{Host, System, system, within};

/// The demo app in both colours, with a client of the live colour that holds on to its stream. Until it is gone the old colour drains.
async fn busy_shop() -> (System, impl Sized) {
    let host = Host::new();
    let config = system::config(&host, &system::demo_command(&host), "").replace("within = \"4s\"", "within = \"30s\"");
    let url = format!("ws://{}/room", host.at(8000));
    let system = System::start(host, &config).await;
    let (stream, _) = tokio_tungstenite::connect_async(url).await.expect("a stream");
    (system, stream)
}

/// A `switch green` that is verified by now: it drains.
async fn switching(system: &System) -> tokio::process::Child {
    let mut command = tokio::process::Command::from(system.allswell(&["switch", "green"]));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("a command");
    until(system, "it is verified", |entry| entry["phase"] == "verified").await;
    child
}

/// The last entry of the journal, once it shows this.
async fn until(system: &System, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
    within(Duration::from_secs(60), what, || async {
        let history: Value = serde_json::from_slice(&system.run(&["history", "--json"]).await.stdout).ok()?;
        history.get(0).filter(|entry| shows(entry)).cloned()
    })
    .await
}

fn words(output: Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr).expect("words"))
}

#[tokio::test]
async fn a_switch_goes_on_without_its_command_which_says_so() {
    let (system, _stream) = busy_shop().await;
    let following = switching(&system).await;
    let pid = Pid::from_raw(i32::try_from(following.id().expect("it runs")).expect("a process id")).expect("not zero");
    kill_process(pid, Signal::INT).expect("it is there");
    let (code, said) = words(following.wait_with_output().await.expect("it ends"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the switch to green goes on without this command (so far: verified)"), "{said}");
    until(&system, "it is done", |entry| entry["phase"] == "done").await;
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_switch_takes_nothing_back_and_the_next_start_goes_on() {
    let (mut system, _stream) = busy_shop().await;
    let following = switching(&system).await;
    // The proxy waits for the stream, and the prober outlives it.
    let stopped = system.run(&["stop", "--yes"]).await;
    assert!(stopped.status.success(), "{stopped:?}");
    let (code, said) = words(following.wait_with_output().await.expect("it ends"));
    assert_eq!(code, Some(8), "{said}");
    assert!(said.contains("the next start goes on with it"), "{said}");
    let log = std::fs::read_to_string(system.state().join("prober.log")).expect("a log");
    assert!(!log.contains("taking the switch back"), "{log}");
    system.start_up();
    let entry = until(&system, "it is done", |entry| entry["ended_at"].is_string()).await;
    assert_eq!((entry["phase"].as_str(), entry["epoch"].as_u64()), (Some("done"), Some(1)), "{entry}");
}
