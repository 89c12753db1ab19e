//! One seed, from its beginning to its end.

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
