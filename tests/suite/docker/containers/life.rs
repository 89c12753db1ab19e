//! The life of an app on one host, besides its deploys: scaled, read, stopped, started again.

use super::system::System;
use crate::harness::{Demo, Ran};

#[tokio::test]
async fn a_colour_is_scaled_read_replaced_whole_and_stopped() {
    let system = System::start("").await;
    done(&system, &["scale", "green", "3"]).await;
    assert_eq!(running(&system).await, ["blue-1", "green-1", "green-2", "green-3"]);
    // There is no watcher in this story, and it says so.
    let status = system.allswell(&["status", "--json"]).await;
    assert_eq!(status.code, 8, "{status:?}");
    for number in 1..=3 {
        assert!(status.out.contains(&system.container("green", &number.to_string())), "{status:?}");
    }
    let logs = done(&system, &["logs", "green"]).await.out;
    assert_eq!(logs.lines().filter(|line| line.contains("the demo app listens")).count(), 3, "{logs}");

    let next = system.stage.demo(Demo::Bare("2")).await;
    done(&system, &["deploy", "green", "--image", &next, "--version", "2"]).await;
    assert_eq!(running(&system).await, ["blue-1", "green-1", "green-2", "green-3"]);
    for number in 1..=3 {
        let image = system.inspect(&system.container("green", &number.to_string()), "{{.Config.Image}}").await;
        assert_eq!(image.trim(), next, "every one is the new one");
    }
    done(&system, &["scale", "green", "1"]).await;
    assert_eq!(running(&system).await, ["blue-1", "green-1"]);

    let asked = system.allswell(&["stop"]).await;
    assert_eq!((asked.code, running(&system).await.len()), (7, 2), "nobody said yes: {asked:?}");
    done(&system, &["stop", "--yes"]).await;
    assert_eq!(running(&system).await, [""; 0]);
    done(&system, &["deploy", "green", "--yes"]).await;
    assert_eq!(running(&system).await, ["green-1"], "it starts anew as it was");
}

async fn done(system: &System, words: &[&str]) -> Ran {
    let ran = system.allswell(words).await;
    assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    ran
}

/// The app's containers that run, without what all their names begin with.
async fn running(system: &System) -> Vec<String> {
    let prefix = system.stage.name_of("shop-");
    let running = system.containers().await.into_iter().filter(|line| line.ends_with(" running"));
    running.filter_map(|line| Some(line.split(' ').next()?.strip_prefix(&prefix)?.to_owned())).collect()
}
