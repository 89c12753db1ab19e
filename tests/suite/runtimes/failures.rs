//! Commands that fail, hang, are interrupted, or are not there.

use std::os::unix::fs::PermissionsExt;

use allswell::domain::colour::Colour;
use allswell::domain::switch::Phase;
use rustix::process::{Pid, Signal, kill_process};

use super::stage::Stage;
use crate::harness::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_command_that_fails_says_its_code_and_its_last_lines_and_history_keeps_them() {
    let stage = Stage::start().await;
    let ran = stage.run(&["deploy", "--version", "broken"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    for words in ["[runtime] replace ended with exit code 3: ./app.sh replace green broken", "its last lines:\n  no space left on device"] {
        assert!(ran.said.contains(words), "{words}: {}", ran.said);
    }
    stage.comes_up(3002, "green 1").await;
    assert_eq!(stage.state().await.live, Some(Colour::Blue));
    let entry = stage.last().await;
    assert_eq!((entry.phase, stage.state().await.lease), (Phase::Refused, None));
    assert!(entry.reason.unwrap().starts_with("the command of [runtime] replace ended with exit code 3"));
    let history = stage.run(&["history"]).await.said;
    assert!(history.contains("refused") && history.contains("exit code 3") && history.contains("| no space left on device"), "{history}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_command_that_hangs_is_ended_at_its_limit_with_all_that_it_has_started() {
    let stage = Stage::start().await;
    stage.configure_more("replace_timeout = \"1s\"\n");
    let ran = stage.run(&["deploy", "--version", "hang"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.said);
    for words in ["had not ended after 1s", "SIGKILL after 5s", "waiting for the moon", "replace_timeout gives it longer"] {
        assert!(ran.said.contains(words), "{words}: {}", ran.said);
    }
    stage.ends(stage.pid("hang.pid").unwrap()).await;
    stage.comes_up(3002, "green 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_interrupted_deploy_ends_its_command_before_it_puts_back() {
    interrupted_by(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deploy_whose_terminal_is_gone_puts_back_too_and_keeps_nobody_out() {
    interrupted_by(Signal::HUP).await;
}

async fn interrupted_by(signal: Signal) {
    let stage = Stage::start().await;
    // Whoever runs this may have nohup before it.
    let child = stage
        .command_by(&["env", "--default-signal=HUP"], &["deploy", "--version", "hang"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let hanging = eventually("the command runs", || async { stage.pid("hang.pid") }).await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("interrupted"), "{said}");
    stage.ends(hanging).await;
    stage.comes_up(3002, "green 1").await;
    let entry = stage.last().await;
    assert_eq!((entry.phase, stage.state().await.lease), (Phase::Refused, None));
    assert!(entry.output.unwrap().contains("it was ended with all that it had started"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_command_that_is_not_there_says_what_to_do_and_nothing_is_put_back() {
    let stage = Stage::start().await;
    std::fs::write(stage.host().path("plain.sh"), "echo hello\n").unwrap();
    std::fs::set_permissions(stage.host().path("plain.sh"), std::fs::Permissions::from_mode(0o644)).unwrap();
    for (program, words) in [
        ("no-such-program", "no-such-program was not found on the PATH"),
        ("./nothing.sh", "./nothing.sh was not found, seen from "),
        ("./plain.sh", "chmod +x ./plain.sh"),
    ] {
        stage.configure(&format!("replace = \"{program} {{colour}}\"\nversion = \"./app.sh version {{colour}}\"\n"));
        let ran = stage.run(&["deploy", "--version", "2"]).await;
        assert_eq!(ran.code, Some(1), "{program}: {}", ran.said);
        assert!(ran.said.contains(words) && !ran.said.contains("put back"), "{program}: {}", ran.said);
    }
    let before = stage.last().await.id;
    stage.configure("replace = \"true\"\nversion = \"./nothing.sh\"\n");
    let ran = stage.run(&["deploy", "--version", "2"]).await;
    assert_eq!((ran.code, stage.last().await.id), (Some(1), before), "refused before others are kept out: {}", ran.said);
    stage.comes_up(3002, "green 1").await;
}
