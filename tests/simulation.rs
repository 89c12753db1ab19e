//! The real monitor and the real store under a thousand misfortunes, one step at a time and by a clock of the simulation's own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a simulation that cannot go on ends, and says why")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "simulation/mod.rs"]
mod simulation;

use simulation::{run, run_all};

/// As many as an ordinary run of the tests has time for; `cargo run --release --example simulate` runs as many as asked.
const SEEDS: u64 = 300;

/// `ALLSWELL_SEED=7 cargo test --test simulation` runs that one alone.
#[test]
fn whatever_happens_no_alarm_is_lost_none_is_false_and_none_is_told_twice() {
    let asked = std::env::var("ALLSWELL_SEED").ok().map(|seed| seed.parse().expect("ALLSWELL_SEED is a number"));
    let (first, gathered) = (Mutex::new(None), AtomicUsize::new(0));
    run_all(asked.map_or(0..SEEDS, |seed| seed..seed + 1), |lived| match lived {
        Ok(report) => {
            gathered.fetch_add(report.gathered, Ordering::Relaxed);
            true
        }
        Err(violation) => {
            first.lock().unwrap().get_or_insert(violation);
            false
        }
    });
    if let Some(violation) = first.into_inner().unwrap() {
        panic!("{violation}");
    }
    // One seed alone need not come through everything.
    assert!(asked.is_some() || gathered.into_inner() > 0, "no world had several that were over before anybody had heard of them");
}

#[test]
fn a_seed_alone_reproduces_everything() {
    for seed in [2, 4] {
        let (first, second) = (run(seed).expect("no violation"), run(seed).expect("no violation"));
        assert_eq!(first, second, "seed {seed}");
        assert!(first.beats > 0 && first.taken > 0, "{first:?}");
    }
}
