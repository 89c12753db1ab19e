//! `logs`: what instances say, once or as it comes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time::timeout;

use crate::harness::{Host, allswell, command};

fn append(path: &Path, text: &str) {
    fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    timeout(Duration::from_secs(30), lines.next_line()).await.expect("a line in time").unwrap().unwrap()
}

#[tokio::test]
async fn a_colours_output_is_printed_and_followed_across_a_rotation() {
    let host = Host::new();
    let folder = host.path(".allswell/instances");
    fs::create_dir_all(&folder).unwrap();
    let log = folder.join("blue-1.log");
    append(&log, "one\ntwo\n");
    append(&folder.join("green-1.log"), "not mine\n");
    assert_eq!(allswell(&host, &["logs", "blue"]).await.out, "one\ntwo\n");
    assert_eq!(allswell(&host, &["logs", "blue", "-n", "1"]).await.out, "two\n");

    let mut child = command(&host, &["logs", "blue", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!((next(&mut lines).await, next(&mut lines).await), ("one".into(), "two".into()));
    append(&log, "three\n");
    assert_eq!(next(&mut lines).await, "three");
    fs::rename(&log, folder.join("blue-1.log.1")).unwrap();
    append(&log, "four\n");
    assert_eq!(next(&mut lines).await, "four");
    append(&folder.join("blue-2.log"), "a second instance\n");
    assert_eq!(next(&mut lines).await, "blue-2 | a second instance");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_colour_that_said_nothing_is_said_and_a_reader_that_leaves_is_no_failure() {
    let host = Host::new();
    let nowhere = allswell(&host, &["logs", "blue"]).await;
    assert_eq!((nowhere.code, nowhere.err.contains("is `allswell up` running")), (8, true), "{nowhere:?}");
    fs::create_dir(host.path(".allswell")).unwrap();
    let silent = allswell(&host, &["logs", "blue"]).await;
    assert_eq!((silent.code, silent.err.contains("blue has said nothing")), (1, true), "{silent:?}");
    let wrong = allswell(&host, &["logs", "red"]).await;
    assert_eq!((wrong.code, wrong.err.contains("blue, green")), (2, true), "{wrong:?}");
}
