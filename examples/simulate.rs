//! Runs as many seeds of the simulation as asked: `cargo run --release --example simulate -- 10000`, or `-- 100 --from 5000`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it is read by people, and ends where it cannot go on")]

use std::process::ExitCode;

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
}

const YEAR: f64 = 365.25 * 86_400_000.0;

fn main() -> ExitCode {
    let Options { count, from, first } = Options::parse();
    let (mut millis, mut beats, mut missed, mut taken, mut faults, mut violations) = (0.0, 0, 0, 0, 0, 0);
    for seed in from..from + count {
        if seed > from && (seed - from).is_multiple_of(100) {
            println!("{} seeds, {violations} violations", seed - from);
        }
        match simulation::run(seed) {
            Ok(report) => {
                millis += report.millis as f64;
                beats += report.beats;
                missed += report.missed;
                taken += report.taken;
                faults += report.faults;
            }
            Err(violation) => {
                violations += 1;
                println!("{violation}");
                if first {
                    break;
                }
            }
        }
    }
    println!("{count} seeds from {from}: {:.1} virtual years, {beats} beats, {missed} missed deadlines,", millis / YEAR);
    println!("{taken} notices taken, {faults} faults; {violations} violations");
    ExitCode::from(u8::from(violations > 0))
}
