//! Hooks before and after each phase.

use std::sync::Arc;

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

use crate::harness::{Cluster, Host, listen};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
const SWITCH: &str = "passes = 2\nwithin = \"5s\"\ndrain = \"1s\"\nobserve = \"100ms\"";

fn hook(at: &str, script: &str) -> String {
    format!("[[switch.hook]]\nat = \"{at}\"\ncommand = \"sh -c '{script}'\"\n")
}

#[tokio::test]
async fn each_is_called_at_its_moment_and_its_outcome_stands_in_the_history() {
    let host = Host::new();
    let file = host.path("called").display().to_string();
    let note = format!("echo $ALLSWELL_HOOK $ALLSWELL_COLOUR >> {file}");
    let moments =
        ["gate", "shift", "verify", "drain", "observe"].map(|phase| [format!("before {phase}"), format!("after {phase}")]).concat();
    let hooks: String = moments.iter().map(|at| hook(at, &note)).collect();
    let cluster = Cluster::on(host, &[7700], SWITCH, &format!("{PROBE}{hooks}")).await;
    assert_eq!(cluster.switch(Green, None).finish().await.1.unwrap().phase, Phase::Done);
    let called = std::fs::read_to_string(file).unwrap();
    let wanted: Vec<String> = moments.iter().map(|at| format!("{at} green")).collect();
    assert_eq!(called.lines().collect::<Vec<_>>(), wanted);
    let entry = cluster.last().await;
    let told: Vec<String> = entry.steps.iter().filter_map(|step| step.note.clone()).collect();
    for at in moments {
        assert!(told.iter().any(|note| note.contains(&format!("the hook {at} took"))), "{at}: {told:?}");
    }
}

#[tokio::test]
async fn one_that_fails_before_the_shift_refuses_and_the_proxy_is_not_ordered() {
    let cluster = Cluster::start(SWITCH, &format!("{PROBE}{}", hook("before shift", "echo not today; exit 7"))).await;
    let epoch = cluster.state().await.epoch;
    let end = cluster.switch(Green, None).finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Refused);
    assert!(end.reason.as_deref().is_some_and(|why| why.contains("ended with exit code 7: not today")), "{:?}", end.reason);
    let state = cluster.state().await;
    assert_eq!((state.live, state.epoch), (Some(Blue), epoch));
}

#[tokio::test]
async fn one_that_fails_before_a_later_phase_has_it_taken_back_and_one_after_is_told() {
    let slow = "[[switch.hook]]\nat = \"before observe\"\ncommand = \"sleep 60\"\ntimeout = \"200ms\"\n";
    let cluster = Cluster::start(SWITCH, &format!("{PROBE}{}{slow}", hook("after shift", "exit 1"))).await;
    let end = cluster.switch(Green, None).finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Reverted);
    assert!(
        end.reason.as_deref().is_some_and(|why| why.contains("the hook before observe: sleep 60 did not end within")),
        "{:?}",
        end.reason
    );
    let entry = cluster.last().await;
    let verified = entry.steps.iter().find(|step| step.phase == Phase::Verified).unwrap();
    assert!(
        verified.note.as_deref().is_some_and(|note| note.contains("the hook after shift: sh -c exit 1 ended with exit code 1")),
        "{entry:?}"
    );
    assert_eq!(cluster.live().await, Some(Blue));
}

#[tokio::test]
async fn the_front_door_is_seen_after_the_hooks_between_the_shift_and_its_proof() {
    for at in ["after shift", "before verify"] {
        let host = Host::new();
        let hooks = host.at(9100);
        let hooked = |at: &str, path: &str| format!("[[switch.hook]]\nat = \"{at}\"\nurl = \"http://{hooks}/{path}\"\n");
        let more = format!("{PROBE}{}{}", hooked("before shift", "break"), hooked(at, "mend"));
        let cluster = Arc::new(Cluster::on(host, &[7700], SWITCH, &more).await);
        let has_it = |failing| {
            let cluster = Arc::clone(&cluster);
            post(move || async move { cluster.green.set_failing(failing) })
        };
        let listener = listen(&hooks).await;
        let routes = Router::new().route("/break", has_it(true)).route("/mend", has_it(false));
        let serves = tokio::spawn(async move { axum::serve(listener, routes).await });
        let end = cluster.switch(Green, None).finish().await.1.unwrap();
        assert_eq!(end.phase, Phase::Done, "{at}: {:?}", end.reason);
        serves.abort();
    }
}

#[tokio::test]
async fn what_a_hook_before_the_gate_does_to_the_colour_is_seen() {
    let host = Host::new();
    let at = host.at(9100);
    let listener = listen(&at).await;
    let (asks, mut asked) = tokio::sync::mpsc::channel::<tokio::sync::oneshot::Sender<()>>(1);
    let wait = move || {
        let asks = asks.clone();
        async move {
            let (done, is_done) = tokio::sync::oneshot::channel();
            asks.send(done).await.unwrap();
            is_done.await.unwrap();
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/migrate", post(wait))).await });
    let hook = format!("[[switch.hook]]\nat = \"before gate\"\nurl = \"http://{at}/migrate\"\n");
    let cluster = Cluster::on(host, &[7700], &SWITCH.replace("within = \"5s\"", "within = \"1s\""), &format!("{PROBE}{hook}")).await;
    let switch = cluster.switch(Green, None);
    let done = asked.recv().await.unwrap();
    cluster.green.set_failing(true);
    done.send(()).unwrap();
    let end = switch.finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Refused, "{:?}", end.reason);
}

#[tokio::test]
async fn a_webhook_is_asked_too() {
    let host = Host::new();
    let at = host.at(9100);
    let refuse = |body: String| async move {
        let is_right = body.contains("\"hook\":\"before gate\"") && body.contains("\"colour\":\"green\"");
        if is_right { StatusCode::CONFLICT } else { StatusCode::OK }
    };
    let listener = listen(&at).await;
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/freeze", post(refuse))).await });
    let hook = format!("[[switch.hook]]\nat = \"before gate\"\nurl = \"http://{at}/freeze\"\n");
    let cluster = Cluster::on(host, &[7700], SWITCH, &format!("{PROBE}{hook}")).await;
    let end = cluster.switch(Green, None).finish().await.1.unwrap();
    assert_eq!(end.phase, Phase::Refused);
    assert_eq!(end.reason.as_deref(), Some("the hook before gate: it answered 409"));
}
