use std::path::Path;

use rustix::process::test_kill_process;

use super::*;
use crate::clock;

fn sh(script: &str, limit: Duration) -> Call {
    let words = ["sh", "-c", script].map(str::to_owned).to_vec();
    Call { key: "replace", words, environment: Vec::new(), limit: Some(limit) }
}

const MINUTE: Duration = Duration::from_secs(60);

async fn said(call: &Call) -> (Ending, Vec<(Outlet, String)>) {
    let mut lines = Vec::new();
    let ending = run(&mut None, call, || (), |outlet, line| lines.push((outlet, line.to_owned()))).await.unwrap();
    (ending, lines)
}

fn code(ending: Ending) -> Option<i32> {
    match ending {
        Ending::Ended(status) => status.code(),
        Ending::Late => None,
    }
}

fn pid(file: &Path) -> Option<Pid> {
    Pid::from_raw(std::fs::read_to_string(file).ok()?.trim().parse().ok()?)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(LOOK).await;
        }
    };
    timeout(MINUTE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn every_line_is_told_with_its_outlet_and_the_exit_code_is_kept() {
    let (ending, mut lines) = said(&sh("echo one; echo half >&2; printf 'old\\rnew\\r\\nno end'; exit 7", MINUTE)).await;
    lines.sort_by_key(|(outlet, _)| *outlet == Outlet::Errors);
    let told: Vec<(Outlet, &str)> = lines.iter().map(|(outlet, line)| (*outlet, line.as_str())).collect();
    assert_eq!(code(ending), Some(7));
    assert_eq!(told, [(Outlet::Output, "one"), (Outlet::Output, "new"), (Outlet::Output, "no end"), (Outlet::Errors, "half")]);
}

#[tokio::test]
async fn a_line_that_does_not_end_is_told_in_pieces() {
    let (_, lines) = said(&sh("head -c 100000 /dev/zero | tr '\\0' x", MINUTE)).await;
    let bytes: usize = lines.iter().map(|(_, line)| line.len()).sum();
    assert_eq!(bytes, 100_000);
    assert!(lines.iter().all(|(_, line)| line.len() < 2 * LONGEST), "{}", lines.len());
}

#[tokio::test]
async fn what_a_command_leaves_running_keeps_nobody_waiting_and_is_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let began = clock::elapsed();
    let (ending, lines) = said(&sh(&format!("sleep 600 & echo $! > {}; echo started", file.display()), MINUTE)).await;
    assert_eq!((code(ending), lines), (Some(0), vec![(Outlet::Output, "started".to_owned())]));
    assert!(clock::elapsed() - began < MINUTE, "it still has our pipe open");
    let left = pid(&file).unwrap();
    test_kill_process(left).unwrap();
    rustix::process::kill_process(left, Signal::KILL).unwrap();
}

#[tokio::test]
async fn one_that_hangs_is_ended_at_its_limit_with_all_that_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // Both are deaf to SIGTERM.
    let script = format!("trap '' TERM; (trap '' TERM; sleep 600; sleep 600) & echo $! > {}; echo waiting; wait; wait", file.display());
    let (ending, lines) = said(&sh(&script, Duration::from_secs(1))).await;
    assert_eq!((ending, lines), (Ending::Late, vec![(Outlet::Output, "waiting".to_owned())]));
    let child = pid(&file).unwrap();
    until("its child has ended, too", || test_kill_process(child).is_err() || is_dead(child)).await;
}

#[tokio::test]
async fn one_that_is_asked_to_end_has_time_to_say_so() {
    let (ending, lines) = said(&sh("trap 'echo tidied up; exit 0' TERM; sleep 600 & wait", Duration::from_secs(1))).await;
    assert_eq!((ending, lines), (Ending::Late, vec![(Outlet::Output, "tidied up".to_owned())]));
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_it_to_be_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let call = sh(&format!("echo $$ > {}; exec sleep 600", file.display()), MINUTE);
    let mut slot = None;
    let stopped = tokio::select! {
        _ = run(&mut slot, &call, || (), |_, _| ()) => false,
        () = until("it runs", || pid(&file).is_some()) => true,
    };
    assert!(stopped && slot.is_some());
    let child = pid(&file).unwrap();
    test_kill_process(child).unwrap();
    drop(slot);
    until("it has ended", || test_kill_process(child).is_err() || is_dead(child)).await;
}

/// Ended, and not waited for by whoever inherited it.
fn is_dead(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).map_or(true, |stat| stat.contains(") Z "))
}
