//! `logs` by the user's own commands.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::stage::Stage;
use crate::harness::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_colour_says_is_printed_and_followed_until_nobody_reads() {
    let stage = Stage::start().await;
    let log = stage.host().path("green.log");
    std::fs::write(&log, "one\ntwo\n").unwrap();
    assert_eq!(stage.run(&["logs", "green", "-n", "1"]).await.said, "two\n");
    assert_eq!(stage.run(&["logs", "green"]).await.said, "one\ntwo\n");
    let mut child = stage.command(&["logs", "green", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || tokio::time::timeout(std::time::Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap().unwrap();
    assert_eq!((next().await, next().await), ("one".into(), "two".into()));
    std::fs::OpenOptions::new().append(true).open(&log).and_then(|mut file| std::io::Write::write_all(&mut file, b"three\n")).unwrap();
    assert_eq!(next().await, "three");
    let follower = eventually("the command runs", || async { stage.pid("follow.pid") }).await;
    kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert!(child.wait().await.unwrap().success());
    stage.ends(follower).await;

    stage.configure("replace = \"true\"\n");
    let unset = stage.run(&["logs", "green"]).await;
    assert!(unset.code == Some(1) && unset.said.contains("[runtime] logs is not set"), "{}", unset.said);
}
