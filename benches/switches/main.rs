//! What a switch costs with ours, HAProxy, nginx and Caddy in front, under everything at once: keep-alive clients that send GET, POST and 1 MB
//! uploads, WebSockets and event streams.
//!
//!     cargo bench --bench switches -- [--switches 1000] [--remote] [--stops 100] [--from FOLDER] [--json FILE] [embedded haproxy nginx caddy]
//!
//! Needs Debian's nginx, haproxy and caddy. A switch is ordered by `allswell switch`, or, with `--remote`, by a program that goes on. With `--stops` the old colour's app is killed each time its claims are zero. With `--from` our executables are those of a folder, and not what cargo has just built. Prints tables, writes JSON.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a measurement that cannot go on ends, and says why")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares and quantiles")]

mod app;
mod costs;
mod crowd;
#[path = "../../tests/suite/harness/events.rs"]
mod events;
mod fronts;
#[path = "../beats/machine.rs"]
mod machine;
#[path = "../../tests/suite/harness/marks.rs"]
mod marks;
mod noise;
mod order;
#[allow(dead_code, reason = "stories ask it for more")]
#[path = "../../tests/suite/harness/raw.rs"]
mod raw;
mod row;
mod runs;
mod stage;
mod tally;

use std::path::PathBuf;

use fronts::Front;
use row::Row;
use runs::Setting;
use serde_json::json;

/// What is asked for on the command line.
struct Options {
    switches: usize,
    stops: usize,
    /// The order alone, without the start of a command.
    by_remote: bool,
    /// Where our executables are; none where cargo has put them.
    from: Option<PathBuf>,
    json: String,
    fronts: Vec<Front>,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Self {
        let mut options =
            Self { switches: 1_000, stops: 0, by_remote: false, from: None, json: "target/switches.json".to_owned(), fronts: Vec::new() };
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("a value");
            match word.as_str() {
                "--switches" => options.switches = value().parse().expect("a number"),
                "--stops" => options.stops = value().parse().expect("a number"),
                "--remote" => options.by_remote = true,
                "--from" => options.from = Some(value().into()),
                "--json" => options.json = value(),
                // What cargo bench says to every bench.
                "--bench" => {}
                name => options.fronts.push(Front::of(name)),
            }
        }
        if options.fronts.is_empty() {
            options.fronts = Front::ALL.to_vec();
        }
        options
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match &words[..] {
        [word, colour, address] if word == "app" => runtime.block_on(app::serve(colour.clone(), address)),
        _ => runtime.block_on(measure(&Options::read(words.into_iter()))),
    }
}

async fn measure(options: &Options) {
    println!("{}", machine::words());
    let mut rows: Vec<Row> = Vec::new();
    for &front in &options.fronts {
        let setting = Setting { front, by_remote: options.by_remote, from: options.from.as_deref() };
        if options.switches > 0 {
            rows.push(runs::under_everything(setting, options.switches).await);
            rows.last().unwrap().print(rows.len() == 1);
        }
        if options.stops > 0 {
            rows.push(runs::stops(setting, options.stops).await);
            rows.last().unwrap().print(rows.len() == 1);
        }
        let report = json!({ "machine": machine::words(), "rows": rows.iter().map(Row::json).collect::<Vec<_>>() });
        std::fs::write(&options.json, serde_json::to_vec_pretty(&report).unwrap()).unwrap();
    }
    for row in &rows {
        row.print_reasons();
    }
    println!("written to {}", options.json);
}
