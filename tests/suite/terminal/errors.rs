//! Stories about: what a command says that could not do what it was asked. What was tried, what happened, what to do next.

use super::progress::shop;
use crate::harness::{Host, System, allswell};

/// Runs it: the exit code, and what it said on stderr.
async fn refused(system: &System, words: &[&str]) -> (i32, String) {
    let ran = system.run(words).await;
    (ran.status.code().unwrap_or(-1), String::from_utf8_lossy(&ran.stderr).into_owned())
}

/// Each of these words in each message, which names no Rust type and no empty reason.
async fn says(system: &System, words: &[&str], code: i32, parts: &[&str]) {
    let (found, said) = refused(system, words).await;
    assert_eq!(found, code, "{words:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{words:?}: {part} is missing: {said}");
    }
    assert!(!said.contains("Error {") && !said.contains(": .") && !said.trim().is_empty(), "{words:?}: {said}");
}

/// What every command that talks to a part says where nothing ever ran.
#[tokio::test]
async fn where_nothing_runs_each_command_says_what_to_start() {
    let host = Host::new();
    let asking = [
        &["live"][..],
        &["status"],
        &["status", "--watch"],
        &["deploy"],
        &["switch", "green"],
        &["toggle"],
        &["rollback"],
        &["history"],
        &["scale", "blue", "2"],
        &["hold", "on"],
        &["maintenance", "on", "--yes"],
        &["stop", "--yes"],
        &["reload"],
        &["ack"],
        &["mute", "x", "--for", "1h"],
        &["pause", "x", "--for", "1h"],
        &["resume", "x"],
        &["checks"],
    ];
    for words in asking {
        let ran = allswell(&host, words).await;
        assert_eq!(ran.code, 2, "no config: {ran:?}");
        assert!(ran.err.contains("there is no config at allswell.toml") && ran.err.contains("`allswell init`"), "{ran:?}");
    }
    std::fs::write(host.path("allswell.toml"), "[app]\nnmae = \"x\"\n[runtime]\ncommand = \"x\"\n").expect("a config");
    for words in asking {
        let ran = allswell(&host, words).await;
        assert_eq!(ran.code, 2, "a wrong config: {ran:?}");
        assert!(ran.err.contains("allswell.toml: line 2: ") && ran.err.contains("`allswell validate`"), "{ran:?}");
    }
    std::fs::write(host.path("allswell.toml"), "[runtime]\ncommand = \"x\"\n").expect("a config");
    for words in asking {
        let ran = allswell(&host, words).await;
        assert_eq!(ran.code, 8, "nothing ever ran: {ran:?}");
        assert!(ran.err.contains("no state directory ./.allswell") && ran.err.contains("`allswell up`"), "{ran:?}");
        assert!(!host.path(".allswell").exists(), "asking leaves nothing behind");
    }
}

#[tokio::test]
async fn what_is_not_known_is_said_with_what_there_is() {
    let system = shop("beat_key = \"k\"\n[[check]]\nname = \"backup\"\nperiod = \"1h\"\n").await;
    says(&system, &["switch", "red"], 2, &["red", "blue", "green"]).await;
    says(&system, &["swich", "blue"], 2, &["swich", "switch"]).await;
    says(&system, &["mute", "bakcup", "--for", "1h"], 1, &["bakcup", "backup"]).await;
    says(&system, &["mute", "backup", "--for", "soon"], 2, &["soon", "30m"]).await;
    says(&system, &["mute", "backup"], 2, &["--for"]).await;
    says(&system, &["resume", "backup"], 1, &["backup"]).await;
    says(&system, &["ack", "nosuch"], 1, &["nosuch", "no incident is open"]).await;
    says(&system, &["checks", "nosuch"], 2, &["nosuch", "allswell checks"]).await;
    says(&system, &["history", "-n", "1001"], 2, &["1001", "1..=1000"]).await;
    says(&system, &["test-channel", "nosuch"], 2, &["[[channel]]"]).await;
    says(&system, &["schedule", "0 3 * *"], 2, &["0 3 * *"]).await;
    says(&system, &["scale", "blue", "3"], 1, &["address"]).await;
    says(&system, &["deploy", "--image", "x"], 1, &["--version"]).await;
    says(&system, &["deploy", "blue"], 7, &["blue is LIVE", "[y/N]", "--yes"]).await;
    says(&system, &["rollback"], 1, &["nothing to go back to", "allswell history"]).await;
    says(&system, &["stop"], 7, &["shop", "--yes"]).await;
}

#[tokio::test]
async fn a_part_that_is_silent_or_does_not_know_us_is_named_with_what_to_do() {
    let system = shop("").await;
    let stale = |name: &str| std::fs::write(system.state().join(name), "stale\n").expect("a token");
    let kept = |name: &str| std::fs::read(system.state().join(name)).expect("a token");
    let (prober, watcher) = (kept("prober.token"), kept("watcher.token"));
    stale("prober.token");
    for words in [&["live"][..], &["switch", "green"], &["deploy"], &["history"]] {
        says(&system, words, 1, &["the prober refused", "token", "--state"]).await;
    }
    let shown = system.run(&["status"]).await;
    assert!(String::from_utf8_lossy(&shown.stdout).contains("! "), "{shown:?}");
    std::fs::write(system.state().join("prober.token"), prober).expect("a token");
    stale("watcher.token");
    says(&system, &["ack"], 1, &["the watcher refused", "token", "--state"]).await;
    std::fs::write(system.state().join("watcher.token"), watcher).expect("a token");

    let config = std::fs::read_to_string(system.host.path("allswell.toml")).expect("the config");
    let elsewhere = config.replace(&system.host.at(7700), &system.host.at(7999)).replace(&system.host.at(7701), &system.host.at(7998));
    std::fs::write(system.host.path("allswell.toml"), elsewhere).expect("a config");
    let (w, p) = (system.host.at(7999), system.host.at(7998));
    says(&system, &["ack"], 8, &["the watcher does not answer on", &w, "connection refused", "allswell up"]).await;
    for words in [&["switch", "green"][..], &["deploy"], &["history"], &["rollback"]] {
        says(&system, words, 8, &["the prober does not answer on", &p, "connection refused", "`allswell up`"]).await;
    }
    let shown = system.run(&["status"]).await;
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.status.code(), Some(8));
    assert!(text.contains("UNDEFINED") && text.contains(&w) && text.contains(&p), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[tokio::test]
async fn what_is_wrong_elsewhere_in_the_config_is_told_and_holds_no_order_up() {
    let system = shop("").await;
    let path = system.host.path("allswell.toml");
    let config = std::fs::read_to_string(&path).expect("the config");
    std::fs::write(&path, format!("{config}\n[[check]]\nname = 7\n")).expect("a config");
    for (words, colour) in [(&["switch", "green"][..], "green"), (&["rollback"], "blue"), (&["toggle", "--json"], "green")] {
        let ran = system.run(words).await;
        let (said, told) = (String::from_utf8_lossy(&ran.stdout).into_owned(), String::from_utf8_lossy(&ran.stderr).into_owned());
        assert_eq!(ran.status.code(), Some(0), "{words:?}: {said}{told}");
        assert!(said.contains(colour), "{words:?}: {said}");
        for part in ["warning: ", "allswell.toml: line ", "check.name", "`allswell validate`"] {
            assert!(told.contains(part), "{words:?}: {part} is missing: {told}");
        }
    }
    // What says the way to the prober is another matter, and so is what needs the rest.
    says(&system, &["history"], 2, &["check.name", "Nothing was done"]).await;
    std::fs::write(&path, format!("{config}\n[[check]]\nname = 7\n").replace("[prober]", "[prober]\nlissen = 1")).expect("a config");
    says(&system, &["switch", "blue"], 2, &["prober.lissen", "check.name", "Nothing was done"]).await;
    std::fs::write(&path, &config).expect("the config");
    assert!(String::from_utf8_lossy(&system.run(&["live"]).await.stdout).contains("green"), "nothing was done");
}
