//! When to try again.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait that we choose ourselves.
const LONGEST: Duration = Duration::from_secs(300);

/// How long to wait after the `attempts`-th failure (from 1): 1 s, doubled up to 5 min, and never less than the receiver asked for.
#[must_use]
pub fn delay(attempts: u32, retry_after: Option<Duration>) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST).max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_second_to_five_minutes() {
        let waits: Vec<u64> = (0..12).map(|attempts| delay(attempts, None).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(delay(u32::MAX, None), LONGEST);
    }

    #[test]
    fn a_receiver_that_names_a_time_is_not_asked_before_it() {
        assert_eq!(delay(1, Some(Duration::from_secs(30))).as_secs(), 30);
        assert_eq!(delay(9, Some(Duration::from_secs(30))).as_secs(), 256);
    }
}
