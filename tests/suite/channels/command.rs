//! Stories of `kind = "command"`: real scripts.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use allswell::notify::{Channel, ChannelKind, SendError};
use rustix::process::{Pid, test_kill_process};
use serde_json::Value;

use super::{channel, notice};
use crate::harness::{Host, allswell, eventually};

/// A script of that text, which is told by a channel.
fn script(host: &Host, text: &str, timeout: Duration) -> Channel {
    let path = host.path("tell.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = host.path("").display().to_string();
    // Through a shell of its own: a script that was just written may still be busy where another story forks.
    let words = ["/bin/sh", path.to_str().unwrap(), &place].map(ToOwned::to_owned).to_vec();
    channel(ChannelKind::Command { words }, timeout)
}

#[tokio::test]
async fn a_command_gets_the_notice_as_json_and_in_its_environment() {
    let host = Host::new();
    let text = r#"cd "$1"; cat > body; printf '%s|%s|%s' "$ALLSWELL_KEY" "$ALLSWELL_HEADLINE" "$ALLSWELL_REASON" > told"#;
    let channel = script(&host, text, Duration::from_secs(10));
    let reason = "$(touch hacked) `touch hacked`; connection refused";
    assert_eq!(channel.send(&notice(reason)).await.map(|receipt| receipt.0), Ok("exit code 0".to_owned()));
    let body: Value = serde_json::from_slice(&std::fs::read(host.path("body")).unwrap()).unwrap();
    assert_eq!((&body["type"], &body["data"]["reason"]), (&"check.down".into(), &reason.into()));
    let told = std::fs::read_to_string(host.path("told")).unwrap();
    assert_eq!(told, format!("blue-1795410000000/check.down/ops|shop: blue (live) is not working|{reason}"));
    assert!(!host.path("hacked").exists(), "no shell reads the words of others");
}

#[tokio::test]
async fn a_command_s_exit_code_says_whether_to_try_again() {
    let host = Host::new();
    for (text, expected) in [
        ("echo first >&2; echo 'modem busy' >&2; exit 75", SendError::Retry { why: "exit code 75: modem busy".into(), after: None }),
        ("echo 'no such number' >&2; echo >&2; exit 3", SendError::Permanent { why: "exit code 3: no such number".into() }),
        ("exit 1", SendError::Permanent { why: "exit code 1".into() }),
        ("kill -9 $$", SendError::Retry { why: "ended by signal 9".into(), after: None }),
    ] {
        let sent = script(&host, text, Duration::from_secs(10)).send(&notice(&"x".repeat(200_000))).await;
        assert_eq!(sent, Err(expected), "{text}");
    }
    let words = vec![host.path("not there").display().to_string()];
    let missing = channel(ChannelKind::Command { words }, Duration::from_secs(10)).send(&notice("x")).await.unwrap_err();
    assert!(missing.is_permanent() && missing.to_string().contains("cannot be started"), "{missing}");
}

#[tokio::test]
async fn a_command_that_does_not_read_and_leaves_something_running_has_taken_it_all_the_same() {
    let host = Host::new();
    let mut large = notice("x");
    large.also = vec!["a check with a name".to_owned(); 20_000];
    let channel = script(&host, r#"sleep 600 & echo $! > "$1/left""#, Duration::from_secs(20));
    assert_eq!(channel.send(&large).await.map(|receipt| receipt.0), Ok("exit code 0".to_owned()));
    let left = pid(&host, "left").await;
    assert!(test_kill_process(left).is_ok(), "what it leaves running is its own affair");
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_command_that_does_not_end_is_killed_with_all_that_it_has_started() {
    let host = Host::new();
    let text = r#"trap '' TERM; sleep 600 & echo $! > "$1/child"; echo $$ > "$1/itself"; wait"#;
    let channel = script(&host, text, Duration::from_secs(2));
    assert_eq!(channel.send(&notice("x")).await, Err(SendError::Retry { why: "no answer in time".into(), after: None }));
    for name in ["itself", "child"] {
        let pid = pid(&host, name).await;
        eventually(&format!("{name} is gone"), || async { is_gone(pid).then_some(()) }).await;
    }
}

async fn pid(host: &Host, name: &str) -> Pid {
    let read = || async { std::fs::read_to_string(host.path(name)).ok()?.trim().parse().ok().and_then(Pid::from_raw) };
    eventually(&format!("a process id in {name}"), read).await
}

/// Gone, or dead and waited for by nobody: a container's first process may not do that.
fn is_gone(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    status.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[tokio::test]
async fn a_command_of_the_config_is_told_by_test_channel_and_its_words_are_its_own() {
    let host = Host::new();
    assert_eq!(allswell(&host, &["init"]).await.code, 0);
    std::fs::write(host.path("tell.sh"), r#"printf '%s %s' "$1" "$ALLSWELL_TYPE" > told"#).unwrap();
    let mut config = std::fs::OpenOptions::new().append(true).open(host.path("allswell.toml")).unwrap();
    let channel = "\n[[channel]]\nname = \"script\"\nkind = \"command\"\ncommand = \"/bin/sh ./tell.sh 'two words'\"\n";
    std::io::Write::write_all(&mut config, channel.as_bytes()).unwrap();
    let ran = allswell(&host, &["test-channel", "script"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "✓ script took it: exit code 0\n"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(host.path("told")).unwrap(), "two words channel.test");
}
