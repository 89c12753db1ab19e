//! How many beats a second are stored, and how soon one is answered, beside a bare axum handler in the same run.
//!
//!     cargo bench --bench beats -- [--count N] [--store URL]... [--json FILE]
//!
//! Starts the release executables, prints a table, and writes JSON. A store is `sqlite:FILE` (default) or `postgres://...`;
//! with `--watchers 2` two of them share it, and half of the connections go to each. What many checks cost: `checks`, see [`checks`].

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a measurement that cannot go on ends, and says why")]

mod bare;
mod checks;
mod disk;
mod fill;
mod load;
mod machine;
mod receiver;
mod requests;
mod storm;
mod watcher;

use std::time::Duration;

use load::{Load, Outcome};
use requests::Requests;
use serde_json::{Value, json};
use watcher::Watcher;

/// What is asked for on the command line.
struct Options {
    count: usize,
    store: String,
    watchers: usize,
    json: Option<String>,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Self {
        let mut options = Self { count: 200_000, store: "sqlite:watcher.db".to_owned(), watchers: 1, json: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("a value");
            match word.as_str() {
                "--count" => options.count = value().parse().expect("a number"),
                "--store" => options.store = value(),
                "--watchers" => options.watchers = value().parse().expect("a number"),
                "--json" => options.json = Some(value()),
                // What cargo bench says to every bench.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match words.next() {
        Some(word) if word == "bare" => runtime.block_on(bare::serve(&words.next().expect("an address"))),
        Some(word) if word == "checks" => runtime.block_on(checks::measure(words)),
        first => runtime.block_on(measure(&Options::read(first.into_iter().chain(words)))),
    }
}

async fn measure(options: &Options) {
    let mut rows = Vec::new();
    let count = options.count;
    println!("{}; fsync of 4 kB: {:?} (median)", machine::words(), disk::fsync());
    println!("{:<44} {:>10} {:>9} {:>9} {:>9}", "", "beats/s", "p50 ms", "p99 ms", "of bare");
    for connections in [64, 256] {
        let bare = bare::Bare::start().await;
        let bare_rate = whole(&mut rows, "bare axum", &[bare.address()], connections, count, None).await;
        drop(bare);
        let watchers = Watcher::several(options.watchers, &options.store).await;
        let addresses: Vec<String> = watchers.iter().map(Watcher::address).collect();
        // What is read for the first time is not measured.
        Load::new(&addresses, connections).run(Requests::signed(10_000, connections), None).await;
        let name = format!("{} watcher(s), {}", options.watchers, kind_of(&options.store));
        let rate = whole(&mut rows, &name, &addresses, connections, count, Some(bare_rate)).await;
        let half = Load::new(&addresses, connections).run(Requests::signed(count / 4, connections), Some(rate / 2.0)).await;
        row(&mut rows, &format!("{name}, half of that"), connections, &half, None);
        let lone = Load::new(&addresses, 1).run(Requests::signed(300, 1), Some(50.0)).await;
        row(&mut rows, &format!("{name}, a lone beat"), 1, &lone, None);
        println!("{:<44} {:>10}", "resident memory of a watcher, MB", watchers[0].resident_mb());
    }
    let report = json!({ "machine": machine::words(), "fsync_us": disk::fsync().as_micros(), "rows": rows });
    let path = options.json.clone().unwrap_or_else(|| "target/beats.json".to_owned());
    std::fs::write(&path, serde_json::to_vec_pretty(&report).unwrap()).unwrap();
    println!("written to {path}");
}

/// As fast as it goes. The rate.
async fn whole(rows: &mut Vec<Value>, name: &str, addresses: &[String], connections: usize, count: usize, bare: Option<f64>) -> f64 {
    let outcome = Load::new(addresses, connections).run(Requests::signed(count, connections), None).await;
    row(rows, name, connections, &outcome, bare);
    outcome.rate()
}

fn row(rows: &mut Vec<Value>, name: &str, connections: usize, outcome: &Outcome, bare: Option<f64>) {
    assert_eq!(outcome.refused, 0, "{name}: every beat is to be stored");
    let (rate, p50, p99) = (outcome.rate(), outcome.quantile(0.5), outcome.quantile(0.99));
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let share = bare.map(|bare| rate / bare);
    let words = share.map_or_else(String::new, |share| format!("{:.0}%", share * 100.0));
    println!("{:<44} {rate:>10.0} {:>9.2} {:>9.2} {words:>9}", format!("{name}, {connections} connections"), ms(p50), ms(p99));
    rows.push(json!({
        "name": name, "connections": connections, "per_second": rate, "p50_ms": ms(p50), "p99_ms": ms(p99), "of_bare": share,
    }));
}

fn kind_of(store: &str) -> &'static str {
    if store.starts_with("sqlite:") { "SQLite" } else { "PostgreSQL" }
}
