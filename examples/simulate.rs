//! Runs as many seeds of the simulation as asked: `cargo run --release --example simulate -- 10000`, or `-- 100 --from 5000`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it is read by people, and ends where it cannot go on")]

use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;

#[path = "../tests/simulation/mod.rs"]
mod simulation;

/// Lives through one world a seed, and says what must never happen and did.
#[derive(Debug, Parser)]
struct Options {
    /// How many seeds.
    #[arg(default_value_t = 1_000)]
    count: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Ends at the first violation.
    #[arg(long)]
    first: bool,
    /// Says what each seed's world came to.
    #[arg(long)]
    each: bool,
}

/// What all worlds came to.
#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    millis: f64,
    beats: usize,
    missed: usize,
    taken: usize,
    faults: usize,
    violations: u64,
}

const YEAR: f64 = 365.25 * 86_400_000.0;

fn main() -> ExitCode {
    let Options { count, from, first, each } = Options::parse();
    let sum = Mutex::new(Sum::default());
    simulation::run_all(from..from + count, |lived| {
        let mut sum = sum.lock().unwrap();
        sum.seeds += 1;
        match lived {
            Ok(report) => {
                if each {
                    println!("{report:?}");
                }
                sum.millis += report.millis as f64;
                sum.beats += report.beats;
                sum.missed += report.missed;
                sum.taken += report.taken;
                sum.faults += report.faults;
            }
            Err(violation) => {
                sum.violations += 1;
                println!("{violation}");
            }
        }
        if sum.seeds.is_multiple_of(1_000) {
            println!("{} seeds, {} violations", sum.seeds, sum.violations);
        }
        !first || sum.violations == 0
    });
    let Sum { seeds, millis, beats, missed, taken, faults, violations } = sum.into_inner().unwrap();
    println!("{seeds} seeds from {from}: {:.1} virtual years, {beats} beats, {missed} missed deadlines,", millis / YEAR);
    println!("{taken} notices taken, {faults} faults; {violations} violations");
    ExitCode::from(u8::from(violations > 0))
}
