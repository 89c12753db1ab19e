//! How many checks have rows of their own.

use std::collections::BTreeSet;
use std::process::Command;

use super::expressions::regex;
use crate::harness::system::reqwest_client;
use crate::harness::{Host, Process, eventually};

const KEY: &str = "a-ping-key";

/// A watcher without a prober, whose pings may make checks.
fn watcher(host: &Host, most: u32) -> Process {
    let config = format!(
        "[app]\nheartbeats = false\n[runtime]\ncommand = \"true\"\n[pings]\nkey = \"{KEY}\"\n[[check]]\nname = \"backup\"\nperiod = \"1h\"\n\
         [watcher]\nlisten = \"{}\"\nmetric_checks = {most}\n",
        host.at(7700)
    );
    std::fs::write(host.path("allswell.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    Process::start(&mut command, &host.path("watcher.log"))
}

/// The checks that have a row, and how many have none, when all of them are counted.
async fn named(host: &Host, all: u32) -> (BTreeSet<String>, u32) {
    eventually("all checks are counted", || async {
        let text = reqwest_client().get(format!("http://{}/metrics", host.at(7700))).send().await.ok()?.text().await.ok()?;
        let count = |pattern: &str| regex(pattern).captures_iter(&text).map(|found| found[1].parse::<u32>().unwrap()).sum::<u32>();
        let due = regex(r#"allswell_check_due_timestamp_seconds\{check="([^"]+)"\}"#);
        let names = due.captures_iter(&text).map(|found| found[1].to_owned()).collect();
        (count(r#"allswell_checks\{status="\w+"\} (\d+)"#) == all).then(|| (names, count(r"allswell_checks_unnamed (\d+)")))
    })
    .await
}

async fn make(host: &Host, slug: &str) {
    let url = format!("http://{}/ping/{KEY}/{slug}?create=1&period=1h&grace=1h", host.at(7700));
    eventually("the check is made", || async { reqwest_client().post(&url).send().await.ok()?.error_for_status().ok() }).await;
}

#[tokio::test]
async fn so_many_checks_as_the_config_says_have_rows_the_parts_first_and_the_others_are_counted() {
    let (few, many) = (Host::new(), Host::new());
    let (_few, _many) = (watcher(&few, 3), watcher(&many, 8));
    for host in [&few, &many] {
        make(host, "made-a").await;
        make(host, "made-b").await;
    }
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(named(&few, 9).await, (set(&["blue", "green", "proxy"]), 6));
    let whole = set(&["blue", "green", "proxy", "preview", "prober", "up", "backup", "made-a"]);
    assert_eq!(named(&many, 9).await, (whole, 1));
}
