//! The time of a PostgreSQL server: what its watchers have in common, whatever their own clocks say.
//!
//! Whoever follows the server's clock goes by its own count of what has passed since it agreed with that clock, and looks at it in each transaction.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{PgConnection, Row};

use super::clock_steps::{Shown, Steps};
use crate::clock;
use crate::domain::clock_step::SAME_MS;
use crate::domain::moment::Moment;

/// It is asked for so often by whoever does not follow it.
const EVERY: Duration = Duration::from_secs(5);
/// A smaller difference, in milliseconds, is the way of question and answer.
const SLACK_MS: i64 = 20;
/// An answer that was longer on its way corrects nothing, unless the last one was as long.
const GOOD_MS: i64 = 250;
/// Of the common clock and of what the store is moved by. The name is that of [`super::clock_steps::STEPS`].
const LOOK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, (SELECT value FROM fact WHERE key = 'clock')";

/// How far the server's clock is ahead of ours.
#[derive(Debug, Default)]
pub(super) struct ServerTime {
    ahead_ms: AtomicI64,
    /// When it was asked for last, in milliseconds since the machine started.
    asked_ms: AtomicI64,
    agreed: Mutex<Option<Agreed>>,
}

/// That it is so.
#[derive(Debug)]
struct Agreed {
    within_ms: i64,
    /// The store was moved by these then.
    steps: Steps,
    /// Nothing was refused since.
    is_in_step: bool,
}

/// What the clock shows, and the fact of the steps as it stands.
pub(super) async fn look(connection: &mut PgConnection) -> Result<(Shown, Option<String>), sqlx::Error> {
    let sent = clock::now();
    let row = sqlx::query(LOOK).fetch_one(connection).await?;
    Ok((shown(sent, row.try_get(0)?), row.try_get(1)?))
}

/// What was asked for at `sent` has just come: their time was this, somewhere on the way.
fn shown(sent: Moment, theirs: i64) -> Shown {
    let took = clock::now().since(sent);
    let within_ms = i64::try_from((took / 2).as_millis()).unwrap_or(i64::MAX);
    Shown { ahead_ms: theirs.saturating_sub((sent + took / 2).as_millis()), within_ms }
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
        self.note(shown(sent, theirs).ahead_ms);
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

    /// Whether this process follows the clock: then it writes nothing that is dated by another one.
    pub(super) fn is_followed(&self) -> bool {
        self.agreed().is_some()
    }

    /// Whether our time is what is shown, and the store was moved by nothing that we do not know of. A clock that runs a little fast or slow is gone
    /// along with.
    pub(super) fn admits(&self, shown: Shown, steps: Steps) -> bool {
        let mut agreed = self.agreed();
        let Some(agreed) = agreed.as_mut() else { return true };
        let off_ms = self.ahead_ms.load(Ordering::Relaxed).saturating_sub(shown.ahead_ms).saturating_abs();
        let most_ms = SAME_MS.saturating_add(shown.within_ms).saturating_add(agreed.within_ms);
        if steps != agreed.steps || off_ms > most_ms {
            agreed.is_in_step = false;
            return false;
        }
        if shown.within_ms <= agreed.within_ms.max(GOOD_MS) {
            self.note(shown.ahead_ms);
            agreed.within_ms = shown.within_ms;
        }
        true
    }

    /// By how many milliseconds the store was moved since we agreed; none: not at all, or we never did.
    pub(super) fn followed_ms(&self, steps: Steps) -> Option<i64> {
        let agreed = self.agreed();
        let ours = agreed.as_ref()?.steps;
        (steps != ours).then(|| steps.by_ms.saturating_sub(ours.by_ms))
    }

    /// Takes over what is shown. Says by how many milliseconds our time has changed.
    pub(super) fn agree(&self, shown: Shown, steps: Steps) -> i64 {
        let mut agreed = self.agreed();
        *agreed = Some(Agreed { within_ms: shown.within_ms, steps, is_in_step: true });
        shown.ahead_ms.saturating_sub(self.ahead_ms.swap(shown.ahead_ms, Ordering::Relaxed))
    }

    /// Whether nothing was refused since.
    pub(super) fn is_in_step(&self) -> bool {
        self.agreed().as_ref().is_none_or(|agreed| agreed.is_in_step)
    }

    fn agreed(&self) -> MutexGuard<'_, Option<Agreed>> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::clock_steps::STEPS;

    const HOUR: i64 = 3_600_000;

    fn at(ahead_ms: i64) -> Shown {
        Shown { ahead_ms, within_ms: 1 }
    }

    fn now(time: &ServerTime) -> i64 {
        time.of(Moment::from_millis(HOUR)).as_millis() - HOUR
    }

    #[test]
    fn a_clock_that_is_far_off_is_followed_and_the_way_of_an_answer_is_not() {
        let time = ServerTime::default();
        time.note(SLACK_MS);
        assert_eq!(time.of(Moment::from_millis(1_000)), Moment::from_millis(1_000));
        time.note(-60_000);
        assert_eq!(time.of(Moment::from_millis(100_000)), Moment::from_millis(40_000));
    }

    #[test]
    fn whoever_goes_by_another_clock_or_knows_less_of_its_steps_than_the_store_writes_nothing() {
        let (time, none) = (ServerTime::default(), Steps::default());
        assert!(time.admits(at(HOUR), none) && !time.is_followed(), "it does not follow");
        assert_eq!(time.agree(at(5_000), none), 5_000);
        for by in [HOUR, -HOUR, 1_003, -1_003] {
            assert!(time.is_in_step() && !time.admits(at(5_000 + by), none), "{by}");
            assert!(!time.is_in_step() && now(&time) == 5_000, "{by}: it is not taken over by itself");
            assert_eq!(time.agree(at(5_000), none), 0);
        }
        let once = none.and(HOUR);
        assert!(!time.admits(at(5_000), once), "the store is dated by another clock");
        assert_eq!((time.followed_ms(none), time.followed_ms(once)), (None, Some(HOUR)));
        assert_eq!(time.agree(at(5_000 + HOUR), once), HOUR);
        assert!(time.admits(at(5_000 + HOUR), once) && !time.admits(at(5_000 + HOUR), none));
        assert_eq!(time.followed_ms(once.and(-HOUR)), Some(-HOUR));
    }

    #[test]
    fn a_clock_that_runs_fast_is_gone_along_with_and_an_answer_that_was_long_on_its_way_says_little() {
        let (time, none) = (ServerTime::default(), Steps::default());
        let _ = time.agree(at(0), none);
        for ahead in (0..10_000).step_by(500) {
            assert!(time.admits(at(ahead), none), "{ahead}");
        }
        assert_eq!(now(&time), 9_500);
        assert!(time.admits(Shown { ahead_ms: 12_000, within_ms: 2_000 }, none), "it may have been on its way for as long");
        assert_eq!(now(&time), 9_500);
        assert!(!time.admits(Shown { ahead_ms: 13_000, within_ms: 2_000 }, none));
    }

    #[test]
    fn the_fact_that_is_looked_at_is_the_one_that_is_written() {
        assert!(LOOK.ends_with(&format!("WHERE key = '{STEPS}')")));
    }
}
