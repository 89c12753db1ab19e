//! Seeds, each from its beginning to its end.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::runtime::{Builder, Runtime};

use super::report::{Report, Violation};
use super::world::World;

/// One thread. A pool of connections asks for a timer when it lends one; nothing else does, and nothing waits.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Lives through the world of this seed.
pub(crate) fn run(seed: u64) -> Result<Report, Box<Violation>> {
    runtime().block_on(async { World::new(seed).await.live().await })
}

/// Lives through the worlds of all these seeds, as many at a time as there are processors, until `hear` wants no more.
pub(crate) fn run_all(seeds: Range<u64>, hear: impl Fn(Result<Report, Box<Violation>>) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || !hear(run(seed)) {
                next.store(seeds.end, Ordering::Relaxed);
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
}
