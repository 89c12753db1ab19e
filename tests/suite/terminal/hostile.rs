//! Stories about: names, reasons and bodies that try to command a terminal, and words that are no text.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use allswell::domain::beat::{Beat, BeatKind, Health, Showing};

use super::progress::shop;
use crate::harness::{Host, Sender, System, allswell, command};

/// Clears the screen, sets the title, rings, moves the cursor by a single 8-bit character, turns letters around.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}y";

/// What a terminal would obey.
fn obeyed(text: &str) -> String {
    text.chars().filter(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || *c == '\u{202e}').collect()
}

async fn print(system: &System, words: &[&str]) -> String {
    let ran = system.run(words).await;
    let text = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(obeyed(&text), "", "{words:?}: {text:?}");
    text
}

/// Everything that the parts have written to their logs.
fn logs(system: &System) -> String {
    let of = |name: &str| std::fs::read_to_string(system.state().join(name)).unwrap_or_default();
    let up = std::fs::read_to_string(system.host.path("up.log")).unwrap_or_default();
    [up, of("watcher.log"), of("prober.log"), of("proxy.log"), of("heartbeat-blue-1.log")].concat()
}

#[tokio::test]
async fn no_terminal_obeys_what_an_app_a_sender_or_an_operator_has_written() {
    let escaped = HOSTILE.chars().map(|c| if c.is_ascii() && !c.is_control() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) });
    let escaped: String = escaped.collect();
    let more =
        format!("beat_key = \"k\"\n[[check]]\nname = \"job {escaped}\"\nslug = \"job\"\nperiod = \"1h\"\n[log]\ndirectory = \"day\"\n");
    let system = shop(&more).await;
    let sender = Sender::new(&system.host.at(7700), "k");
    let told = Beat {
        health: Some(Health::not_good(Showing::Bad, format!("answered {HOSTILE}"))),
        version: Some(format!("1{HOSTILE}")),
        body: Some(HOSTILE.to_owned()),
        ..sender.beat(&format!("job {HOSTILE}"), BeatKind::Fail)
    };
    assert_eq!(sender.send(&told).await, Some(200));
    system.until("the incident is open", |overview| overview["incidents"].as_array().is_some_and(|open| !open.is_empty())).await;
    assert!(print(&system, &["status"]).await.contains("x␛[2J"), "it is shown, and not obeyed");
    print(&system, &["checks"]).await;
    print(&system, &["ack", "--note", HOSTILE]).await;
    print(&system, &["mute", &format!("job {HOSTILE}"), "--for", "1h", "--note", HOSTILE]).await;
    print(&system, &["mute", HOSTILE, "--for", "1h"]).await;
    print(&system, &["switch", "green", "--force", HOSTILE]).await;
    print(&system, &["deploy", "--version", &format!("2{HOSTILE}")]).await;
    print(&system, &["status"]).await;
    let document = system.run(&["status", "--json"]).await.stdout;
    let document = String::from_utf8(document).expect("text");
    assert_eq!(obeyed(&document), "", "{document}");
    let read: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let names: Vec<&str> =
        read["watcher"]["checks"].as_array().expect("checks").iter().filter_map(|check| check["name"].as_str()).collect();
    assert!(names.contains(&format!("job {HOSTILE}").as_str()), "what machines read is whole: {names:?}");
    assert!(print(&system, &["history"]).await.contains("forced: x␛[2J"));
    print(&system, &["switch", HOSTILE]).await;
    print(&system, &["test-channel", HOSTILE]).await;
    print(&system, &["live", "--config", HOSTILE]).await;
    let logs = logs(&system);
    assert!(logs.contains("owned"), "the logs do tell of it: {logs}");
    assert_eq!(obeyed(&logs), "", "{logs:?}");
}

#[tokio::test]
async fn what_an_app_prints_is_shown_by_logs_and_not_obeyed() {
    let host = Host::new();
    std::fs::create_dir_all(host.path("state/instances")).expect("a directory");
    std::fs::write(host.path("state/instances/blue-1.log"), format!("\u{1b}[32mgreen\u{1b}[0m {HOSTILE}\r\n")).expect("a log");
    let state = host.path("state");
    let state = state.to_str().expect("words");
    let ran = allswell(&host, &["logs", "blue", "--state", state]).await;
    assert_eq!((ran.code, obeyed(&ran.out).as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.starts_with("green x␛[2J␛]0;owned␇"), "{ran:?}");
    let ran = allswell(&host, &["logs", "blue", "--state", state, "--json"]).await;
    assert_eq!(obeyed(&ran.out), "", "{ran:?}");
    assert!(ran.json()["line"].as_str().is_some_and(|line| line.contains("\u{1b}[2J")), "{ran:?}");
}

#[tokio::test]
async fn a_word_that_is_no_text_is_refused_in_clear_words() {
    let host = Host::new();
    for words in [&["switch"][..], &[], &["--json", "switch"]] {
        let ran = command(&host, words).arg(OsStr::from_bytes(b"gr\xffen")).output().await.expect("it starts");
        let said = String::from_utf8(ran.stderr).expect("words");
        assert_eq!(ran.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.starts_with("error: "), "{words:?}: {said}");
        if words.contains(&"--json") {
            let document: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("a document");
            assert_eq!(document["code"], 2, "{document}");
        }
    }
}
