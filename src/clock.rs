//! The only reader of any clock.
//!
//! Wall time is what the system said when the process started, advanced by `CLOCK_BOOTTIME`, which counts suspended time and never steps.
//! When the system's clock then says something else, that is a *step*: it is told, and taken over on request.
#![expect(clippy::disallowed_methods, reason = "this is the module that the ban points to")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::moment::Moment;

/// Wall time minus boot time, in milliseconds; `i64::MIN` until the first reading.
static OFFSET: AtomicI64 = AtomicI64::new(i64::MIN);

/// The system's clock differs from ours by more than this: a step.
const STEP: Duration = Duration::from_secs(1);

/// Now.
#[must_use]
pub fn now() -> Moment {
    ago(elapsed())
}

/// Time since the machine started, suspended time included. Differences of it are elapsed time.
#[must_use]
pub fn elapsed() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The moment at which [`elapsed`] was `then`, by the clock as it is now: whatever keeps moments in memory while the clock may be set keeps these.
#[must_use]
pub fn ago(then: Duration) -> Moment {
    let mut offset = OFFSET.load(Ordering::Relaxed);
    if offset == i64::MIN {
        let fresh = system_millis() - millis(elapsed());
        offset = match OFFSET.compare_exchange(i64::MIN, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(set_meanwhile) => set_meanwhile,
        };
    }
    Moment::from_millis(offset + millis(then))
}

/// By how many milliseconds the system's clock has stepped from ours, when that is over a second.
#[must_use]
pub fn step() -> Option<i64> {
    let ours = now().as_millis();
    let step = system_millis() - ours;
    (step.unsigned_abs() > u64::try_from(STEP.as_millis()).unwrap_or(u64::MAX)).then_some(step)
}

/// Takes over the step of the system's clock: from now on [`now`] goes by it.
pub fn take_step() -> Option<i64> {
    let step = step()?;
    OFFSET.fetch_add(step, Ordering::Relaxed);
    Some(step)
}

/// The local time zone's rendering of a moment, for people and for the name of the day's file.
#[must_use]
pub fn local(moment: Moment) -> chrono::DateTime<chrono::Local> {
    moment.to_utc().with_timezone(&chrono::Local)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn system_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_system_and_never_goes_back() {
        let first = now();
        assert!(now() >= first);
        assert!((system_millis() - first.as_millis()).abs() < 2_000);
        assert_eq!(take_step(), None);
    }
}
