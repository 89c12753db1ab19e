//! The time of a PostgreSQL server: what its watchers have in common, whatever their own clocks say.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::{PgConnection, Row};

use crate::clock;
use crate::domain::moment::Moment;

/// It is asked for so often.
const EVERY: Duration = Duration::from_secs(5);
/// A smaller difference, in milliseconds, is the way of question and answer.
const SLACK_MS: i64 = 20;

/// How far the server's clock is ahead of ours.
#[derive(Debug, Default)]
pub(super) struct ServerTime {
    ahead_ms: AtomicI64,
    /// When it was asked for last, in milliseconds since the machine started.
    asked_ms: AtomicI64,
}

impl ServerTime {
    /// Asks the server, unless that was done just now.
    pub(super) async fn measure(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let elapsed = i64::try_from(clock::elapsed().as_millis()).unwrap_or(i64::MAX);
        let asked = self.asked_ms.load(Ordering::Relaxed);
        let every = i64::try_from(EVERY.as_millis()).unwrap_or(i64::MAX);
        if asked != 0 && elapsed - asked < every {
            return Ok(());
        }
        let sent = clock::now();
        let question = sqlx::query("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        let theirs: i64 = question.fetch_one(connection).await?.try_get(0)?;
        let took = clock::now().since(sent);
        self.note(theirs - (sent + took / 2).as_millis());
        self.asked_ms.store(elapsed, Ordering::Relaxed);
        Ok(())
    }

    fn note(&self, ahead_ms: i64) {
        if (self.ahead_ms.load(Ordering::Relaxed) - ahead_ms).abs() > SLACK_MS {
            self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        }
    }

    /// The server's time at this moment of our clock.
    pub(super) fn of(&self, ours: Moment) -> Moment {
        Moment::from_millis(ours.as_millis().saturating_add(self.ahead_ms.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_followed_and_the_way_of_an_answer_is_not() {
        let time = ServerTime::default();
        time.note(SLACK_MS);
        assert_eq!(time.of(Moment::from_millis(1_000)), Moment::from_millis(1_000));
        time.note(-60_000);
        assert_eq!(time.of(Moment::from_millis(100_000)), Moment::from_millis(40_000));
    }
}
