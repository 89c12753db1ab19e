//! What a million checks cost, and how soon silence among them is told.
//!
//!     cargo bench --bench beats -- checks [--checks N] [--due N] [--rate N] [--json FILE]
//!
//! Fills a store by the store's own functions, starts the release watcher on it, and measures it from outside: resident memory, start, sweeps
//! (the watcher's own histogram), a hundred thousand checks that fall due in one second, and the time from a deadline to the first byte at a
//! webhook's receiver while beats flow. With no checks or none due, that part is left out.

use std::time::Duration;

use allswell::clock;
use serde_json::{Value, json};

use super::fill::{self, Plan};
use super::load::Load;
use super::receiver::Receiver;
use super::requests::Requests;
use super::watcher::Watcher;
use super::{disk, machine, storm};

/// So many fall silent one after the other while beats flow: of more within a minute the next ones are gathered into one message.
const ALARMS: usize = 18;
/// The time between two of them.
const APART: Duration = Duration::from_millis(1_730);
/// Beats flow from so long before the first of them is due.
const EARLIER: Duration = Duration::from_secs(3);
/// Beats flow for so long, and longer than all of them take.
const FLOW: Duration = Duration::from_secs(40);

/// What is asked for on the command line.
struct Options {
    checks: usize,
    due: usize,
    rate: usize,
    json: String,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Self {
        let mut options = Self { checks: 1_000_000, due: 100_000, rate: 10_000, json: "target/checks.json".to_owned() };
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("a value");
            match word.as_str() {
                "--checks" => options.checks = value().parse().expect("a number"),
                "--due" => options.due = value().parse().expect("a number"),
                "--rate" => options.rate = value().parse().expect("a number"),
                "--json" => options.json = value(),
                // What cargo bench says to every bench.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}

pub(crate) async fn measure(words: impl Iterator<Item = String>) {
    let options = &Options::read(words);
    println!("{}; fsync of 4 kB: {:?} (median)", machine::words(), disk::fsync());
    let mut rows = if options.checks > 0 { standing(options).await } else { Vec::new() };
    if options.due > 0 {
        rows.push(("committed after the deadline of as many checks in one second, s", storm::measure(options.due).await));
    }
    let of = |(name, value): &(&str, f64)| json!({ "name": name, "value": value });
    let rows: Vec<Value> = rows.iter().map(of).collect();
    let report = json!({ "machine": machine::words(), "checks": options.checks, "due": options.due, "rate": options.rate, "rows": rows });
    std::fs::write(&options.json, serde_json::to_vec_pretty(&report).unwrap()).unwrap();
    println!("written to {}", options.json);
}

/// Memory, start, idle sweeps; then alarms while beats flow.
async fn standing(options: &Options) -> Vec<(&'static str, f64)> {
    let folder = Watcher::folder();
    let receiver = Receiver::start().await;
    let plan = Plan { count: options.checks, silent: ALARMS, first: Duration::from_secs(60), apart: APART };
    let began = clock::elapsed();
    let deadlines = fill::store(&folder.path().join("state-17700"), &plan).await;
    println!("{} checks written in {:.1?}", options.checks, clock::elapsed() - began);
    let began = clock::elapsed();
    let watcher = Watcher::with(17_700, "sqlite:watcher.db", folder, 0, &receiver.url()).await;
    watcher.is_well().await;
    let mut rows = vec![row("from start to serving, s", (clock::elapsed() - began).as_secs_f64())];
    let before = watcher.sweeps().await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let after = watcher.sweeps().await;
    rows.push(row("one sweep with nothing due, ms (mean)", (after.0 - before.0) / (after.1 - before.1) * 1_000.0));
    rows.push(row("resident memory, MB", watcher.resident_mb() as f64));
    let all = usize::try_from(FLOW.as_secs()).unwrap() * options.rate;
    let requests = Requests::spread(all, 64, options.checks - ALARMS);
    tokio::time::sleep(deadlines[0].1.since(clock::now() + EARLIER)).await;
    let flow = Load::new(&[watcher.address()], 64).run(requests, Some(options.rate as f64)).await;
    assert_eq!(flow.refused, 0, "every beat is to be stored");
    rows.push(row("beats a second meanwhile", flow.rate()));
    rows.push(row("a beat's answer meanwhile, p99, ms", flow.quantile(0.99).as_secs_f64() * 1_000.0));
    let mut delays = receiver.delays(&deadlines);
    assert_eq!(delays.len(), ALARMS, "every alarm is to be told");
    delays.sort();
    rows.push(row("from deadline to first byte, median, s", delays[delays.len() / 2].as_secs_f64()));
    rows.push(row("from deadline to first byte, slowest, s", delays[delays.len() - 1].as_secs_f64()));
    rows.push(row("resident memory after that, MB", watcher.resident_mb() as f64));
    rows
}

pub(crate) fn row(name: &'static str, value: f64) -> (&'static str, f64) {
    println!("{name:<64} {value:>12.3}");
    (name, value)
}
