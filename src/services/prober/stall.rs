//! Whether this process ran all the time: one that was stopped, suspended or starved knows nothing of that time, and least of all of others.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::clock;

/// How often we look at the clock.
const PACE: Duration = Duration::from_millis(200);
/// A longer time between two looks is one in which we did not run.
const LONGEST: Duration = Duration::from_millis(900);

/// When this process was last found not to have run.
#[derive(Debug)]
pub(super) struct Stall(Mutex<Looks>);

#[derive(Debug)]
struct Looks {
    last: Duration,
    ended: Option<Duration>,
}

impl Stall {
    /// Runs from now on.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Looks { last: clock::elapsed(), ended: None }))
    }

    /// Looks at the clock, for ever.
    pub(super) async fn run(&self) {
        loop {
            self.note(clock::elapsed());
            sleep(PACE).await;
        }
    }

    /// We run at this moment.
    pub(super) fn note(&self, elapsed: Duration) {
        drop(self.look(elapsed));
    }

    /// Whether a time in which we did not run has ended since `began`, in elapsed time.
    pub(super) fn since(&self, began: Duration) -> bool {
        // Whoever asks may be the first to run again.
        self.look(clock::elapsed()).ended.is_some_and(|ended| ended >= began)
    }

    /// When the last such time ended, in elapsed time, if there was one.
    pub(super) fn ended_at(&self) -> Option<Duration> {
        self.look(clock::elapsed()).ended
    }

    fn look(&self, elapsed: Duration) -> MutexGuard<'_, Looks> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if elapsed.saturating_sub(looks.last) > LONGEST {
            tracing::warn!(seconds = elapsed.saturating_sub(looks.last).as_secs(), "held up until now");
            looks.ended = Some(elapsed);
        }
        looks.last = looks.last.max(elapsed);
        looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_between_two_looks_is_a_stall_and_a_late_look_is_none() {
        let stall = Stall::new();
        let start = clock::elapsed();
        let after = |millis| start + Duration::from_millis(millis);
        assert!(stall.look(after(800)).ended.is_none());
        assert!(stall.look(after(1_600)).ended.is_none());
        assert_eq!(stall.look(after(3_000)).ended, Some(after(3_000)));
        assert_eq!(stall.look(after(3_200)).ended, Some(after(3_000)), "it ended then, and not now");
        assert!(stall.since(after(2_900)) && !stall.since(after(3_100)));
    }
}
