//! Orders that something else overtakes: a switch, the end of their time, the end of their terminal.

use std::process::{Output, Stdio};

use allswell::clock;
use allswell::domain::colour::Colour::Green;
use allswell::domain::switch::Phase;
use allswell::release::SwitchOrder;
use allswell::store::{Journal, Store};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::stage::Stage;
use crate::harness::eventually;

/// Leaves a mark, and goes on when it is told to.
const WAIT: &str = "touch waiting; while [ ! -f go ]; do sleep 0.02; done";

/// Both colours, whose instances are replaced as soon as somebody says go.
async fn waiting_to_replace() -> Stage {
    let stage = Stage::start().await;
    stage.script("wait.sh", &format!("{WAIT}; exec ./app.sh replace \"$1\" \"$2\""));
    stage.configure("replace = \"./wait.sh {colour} '{version}'\"\nversion = \"./app.sh version {colour}\"\n");
    stage
}

/// Starts it, and waits until it waits.
async fn begun(stage: &Stage, command: &mut Command) -> Child {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    eventually("it waits", || async { stage.host().path("waiting").exists().then_some(()) }).await;
    child
}

/// Lets it go on, to its end: its exit code, and what it said of it.
async fn gone_on(stage: &Stage, child: Child) -> (Option<i32>, String) {
    std::fs::write(stage.host().path("go"), "").unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().await.unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deploy_that_a_switch_overtakes_touches_nothing_and_says_what_is_live() {
    let stage = Stage::start().await;
    stage.script("ask.sh", &format!("{WAIT}; exec ./app.sh version \"$1\""));
    // Asked after green was seen to be idle, and before it is replaced.
    stage.configure("replace = \"./app.sh replace {colour} '{version}'\"\nversion = \"./ask.sh {colour}\"\nversion_timeout = \"60s\"\n");
    let child = begun(&stage, &mut stage.command(&["deploy", "--version", "2"])).await;
    let order = SwitchOrder { to: Green, force: None, wait: true, by: "bob@desk".into() };
    assert_eq!(stage.pair.remote.switch(&order, |_| {}).await.unwrap().phase, Phase::Done);
    let (code, said) = gone_on(&stage, child).await;
    assert_eq!(code, Some(4), "{said}");
    for words in ["blue was live when this was asked for, and green is by now", "type it again"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(stage.calls().len(), 2, "nothing was replaced since the start: {:?}", stage.calls());
    assert_eq!(stage.who(8000).await.as_deref(), Some("green 1"));
}

/// Both colours, whose gate waits for longer than an order may take.
async fn in_a_hurry() -> Stage {
    let stage = Stage::start().await;
    stage.configure_more("deploy_timeout = \"20s\"\nreplace_timeout = \"8s\"\n");
    let path = stage.host().path("allswell.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("within = \"3s\"", "within = \"10m\"")).unwrap();
    stage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deploy_puts_back_before_its_time_is_over_and_says_why() {
    let stage = in_a_hurry().await;
    let ran = stage.run(&["deploy", "--version", "bad"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    for words in ["its time was over", "deploy_timeout = 20s", "has given green version 1 again, as before"] {
        assert!(ran.said.contains(words), "{words}: {}", ran.said);
    }
    stage.comes_up(3002, "green 1").await;
    let entry = stage.last().await;
    assert_eq!((entry.phase, stage.state().await.lease), (Phase::Refused, None), "it ended by itself: {entry:?}");
    assert!(entry.reason.as_ref().is_some_and(|why| why.contains("deploy_timeout = 20s") && why.contains("put back: ")), "{entry:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_scale_puts_back_before_its_time_is_over_and_says_why() {
    let stage = in_a_hurry().await;
    // With 9 it stops answering.
    let ran = stage.run(&["scale", "green", "9"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    for words in ["its time was over", "deploy_timeout = 20s", "green has 1 again", "As before, 1 are expected of green"] {
        assert!(ran.said.contains(words), "{words}: {}", ran.said);
    }
    assert_eq!((stage.expected(Green).await, stage.calls().last().unwrap().as_str()), (1, "scale green 1"));
    let entry = stage.last().await;
    assert_eq!((entry.phase, stage.state().await.lease), (Phase::Refused, None), "it ended by itself: {entry:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deploy_that_was_closed_before_its_end_is_not_said_to_be_done() {
    let stage = waiting_to_replace().await;
    let child = begun(&stage, &mut stage.command(&["deploy", "--version", "2"])).await;
    let journal = Journal::new(Store::open("sqlite:prober.db", &stage.host().path("state")).await.unwrap());
    let entry = stage.last().await;
    // As if it had been stopped until its time was over.
    journal.renew(entry.id, entry.started_at).await.unwrap();
    journal.close_overdue_deploys(clock::now()).await.unwrap();
    let (code, said) = gone_on(&stage, child).await;
    assert_eq!(code, Some(1), "{said}");
    let words = format!("the journal says otherwise: deploy {} is not under way", entry.id);
    assert!(said.contains(&words) && said.contains("allswell history"), "{said}");
    assert_eq!(stage.last().await.phase, Phase::Interrupted);
    stage.comes_up(3002, "green 2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deploy_under_nohup_goes_on_without_its_terminal() {
    let stage = waiting_to_replace().await;
    let child = begun(&stage, &mut stage.command_by(&["nohup"], &["deploy", "--version", "2"])).await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    let (code, said) = gone_on(&stage, child).await;
    assert_eq!(code, Some(0), "{said}");
    stage.comes_up(3002, "green 2").await;
}
