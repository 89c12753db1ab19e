//! Hold and maintenance.

use std::process::Command;
use std::time::Duration;

use allswell::domain::colour::Colour;
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::front::Front;
use crate::harness::{Process, allswell, eventually};

const SECONDS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn what_is_held_goes_to_the_colour_that_is_live_afterwards() {
    let front = Front::start("hold_number = 2").await;
    let (_blue, _green) = (front.app(Colour::Blue).await, front.app(Colour::Green).await);
    let held = allswell(&front.host, &["--state", "state", "hold", "on"]).await;
    assert_eq!(held.code, 0, "{held:?}");
    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        let mut client = front.client().await;
        waiting.spawn(async move { client.ask("GET", "/work", &[], b"").await.unwrap().text() });
    }
    let held = front.control.pauses().await.unwrap().held.expect("it says since when");
    assert!(held.by.as_ref().is_some_and(|by| by.contains('@')), "{held:?}");
    eventually("both wait", || async { (front.control.pauses().await.ok()?.waiting == 2).then_some(()) }).await;
    let refused = front.client().await.ask("GET", "/work", &[], b"").await.unwrap();
    assert_eq!((refused.status, refused.header("retry-after").as_deref()), (503, Some("1")), "{}", refused.text());
    let probe = front.client().await.ask("GET", "/healthz", &[&front.token_line()], b"").await.unwrap();
    assert_eq!(probe.status, 200, "the prober is not held");
    front.shift(Colour::Green, 1).await;
    assert_eq!(allswell(&front.host, &["--state", "state", "hold", "off"]).await.code, 0);
    let answers = timeout(SECONDS, waiting.join_all()).await.expect("they go on");
    assert_eq!(answers, ["green 0", "green 0"]);
    assert_eq!(front.control.pauses().await.unwrap().held, None);
}

#[tokio::test]
async fn what_is_held_for_too_long_is_told_and_the_hold_is_warned_of() {
    let front = Front::start("hold_time = \"200ms\"").await;
    let _blue = front.app(Colour::Blue).await;
    assert_eq!(front.control.warning().await.unwrap(), None);
    assert_eq!(allswell(&front.host, &["--state", "state", "hold", "on"]).await.code, 0);
    let told = front.client().await.ask("GET", "/", &[], b"").await.unwrap();
    assert_eq!((told.status, told.text().as_str()), (503, "503: requests are held, and this one was for 200ms: try again\n"));
    eventually("it is warned of", || async { front.control.warning().await.ok().flatten() }).await;
}

#[tokio::test]
async fn maintenance_turns_visitors_away_outlives_a_restart_and_ends() {
    let mut front = Front::start("maintenance_health = \"200\"").await;
    let (_blue, _green) = (front.app(Colour::Blue).await, front.app(Colour::Green).await);
    let asked = allswell(&front.host, &["--state", "state", "maintenance", "on"]).await;
    assert_eq!(asked.code, 7, "nobody said yes: {asked:?}");
    let begun = allswell(&front.host, &["--state", "state", "--yes", "maintenance", "on", "--message", "back at noon"]).await;
    assert_eq!(begun.code, 0, "{begun:?}");
    let maintained = front.control.pauses().await.unwrap().maintained.expect("it says since when");
    assert!(maintained.by.as_ref().is_some_and(|by| by.contains('@')), "{maintained:?}");
    for _ in 0..2 {
        let mut client = front.client().await;
        assert_eq!(front.control.pauses().await.unwrap().maintained.as_ref(), Some(&maintained), "also after a restart");
        let told = client.ask("GET", "/work", &["accept: text/html"], b"").await.unwrap();
        assert!(told.status == 503 && told.text().contains("back at noon") && told.header("retry-after").is_some(), "{told:?}");
        assert_eq!(client.ask("GET", "/healthz", &[], b"").await.unwrap().text(), "200: maintenance\n");
        assert_eq!(client.ask("GET", "/healthz", &[&front.token_line()], b"").await.unwrap().text(), "ok");
        front.kill_and_start().await;
        front.is_up().await;
    }
    assert_eq!(allswell(&front.host, &["--state", "state", "maintenance", "off"]).await.code, 0);
    assert_eq!(front.client().await.ask("GET", "/work", &[], b"").await.unwrap().text(), "blue 0");
}

#[tokio::test]
async fn who_is_held_when_the_proxy_is_told_to_end_is_served_before_it_does() {
    let front = Front::start("hold_time = \"10m\"").await;
    let _blue = front.app(Colour::Blue).await;
    assert_eq!(allswell(&front.host, &["--state", "state", "hold", "on"]).await.code, 0);
    let mut client = front.client().await;
    client.send("GET /work HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    eventually("it waits", || async { (front.control.pauses().await.ok()?.waiting == 1).then_some(()) }).await;
    front.tell_to_end();
    let answer = timeout(SECONDS, client.answer()).await.expect("it goes on").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "blue 0"));
}

#[tokio::test]
async fn an_order_goes_before_what_visitors_keep_busy_and_a_question_does_not() {
    let front = Front::start("").await;
    front.signal(Signal::STOP);
    let ours = rustix::process::nice(0).unwrap();
    for (words, nice) in [(&["hold", "on"][..], ours.min(-10)), (&["live"], ours)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
        command.args(["--config", "allswell.toml", "--state", "state"]).args(words).current_dir(front.host.path(""));
        let asking = Process::start(&mut command, &front.host.path("asking.log"));
        eventually(&format!("{words:?} waits for the proxy"), || async {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", asking.pid().as_raw_nonzero())).ok()?;
            let has = stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse();
            let descriptors = std::fs::read_dir(format!("/proc/{}/fd", asking.pid().as_raw_nonzero())).ok()?.count();
            // Beside the three that it was started with it has those of its runtime, and its question's.
            (has == Ok(nice) && descriptors > 8).then_some(())
        })
        .await;
    }
    front.signal(Signal::CONT);
}
