//! When a process that died is started again.

use std::time::Duration;

use crate::domain::retry;

/// The first wait: a single death is repaired within a second.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);
/// What has lived so long has settled: its next death is a first one.
pub(super) const SETTLED: Duration = Duration::from_secs(30);

/// The deaths in a row of one process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// It died after it had lived so long: how long to wait now. 0.5 s, 1 s, 2 s, ... 30 s.
    pub(super) fn died(&mut self, lived: Duration) -> Duration {
        self.deaths = if lived >= SETTLED { 1 } else { self.deaths.saturating_add(1) };
        if self.deaths == 1 { FIRST } else { retry::delay(self.deaths - 1, None).min(LONGEST) }
    }

    /// Deaths in a row.
    pub(super) fn deaths(self) -> u32 {
        self.deaths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_comes_within_a_second_and_later_ones_wait_longer() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..8).map(|_| backoff.died(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(backoff.deaths(), 8);
    }

    #[test]
    fn a_death_after_a_settled_life_is_a_first_one() {
        let mut backoff = Backoff::default();
        let last = (0..5).map(|_| backoff.died(Duration::ZERO)).last();
        assert_eq!(last, Some(Duration::from_secs(8)));
        assert_eq!(backoff.died(SETTLED), FIRST);
        assert_eq!(backoff.deaths(), 1);
    }
}
