//! What a step of the system's clock does to what is expected: a period keeps the time that has passed of it, a schedule is asked anew.

use std::time::Duration;

use super::check::{Check, State};
use super::moment::Moment;
use super::roster::Wanted;
use super::schedule::Schedule;

/// A greater step is told: what people see and what they had planned is no longer what it was.
pub const WORTH_TELLING: Duration = Duration::from_secs(30);

/// The same moment by the new clock, which is so many milliseconds ahead of the old one.
#[must_use]
pub fn moved(moment: Moment, by_ms: i64) -> Moment {
    Moment::from_millis(moment.as_millis().saturating_add(by_ms))
}

/// A check's state by the new clock.
#[must_use]
pub fn stepped(check: &Check, state: &State, by_ms: i64) -> State {
    let at = |moment: Moment| moved(moment, by_ms);
    let mut next = state.clone();
    next.since = at(state.since);
    next.forgiven_until = state.forgiven_until.map(at);
    next.last_heard = state.last_heard.map(at);
    next.runs = state.runs.dated(at);
    next.streak.weak_since = state.streak.weak_since.map(|(arrived, said)| (at(arrived), said));
    next.due = match check.schedule {
        Schedule::Every(_) => at(state.due),
        Schedule::Cron(_) | Schedule::Calendar(_) => check.schedule.next(next.last_heard.unwrap_or(next.since)),
    };
    next
}

/// What is expected of a number of instances, by the new clock.
#[must_use]
pub fn stepped_wanted(wanted: &Wanted, by_ms: i64) -> Wanted {
    let at = |moment: Moment| moved(moment, by_ms);
    Wanted { since: at(wanted.since), forgiven_until: wanted.forgiven_until.map(at), ..wanted.clone() }
}

/// How far the clock stepped, if that is to be told: `by 1h, forward`.
#[must_use]
pub fn words(by_ms: i64) -> Option<String> {
    let by = Duration::from_millis(by_ms.unsigned_abs());
    (by > WORTH_TELLING).then(|| format!("by {}, {}", super::moment::humane(by), if by_ms > 0 { "forward" } else { "back" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::beat::BeatKind;
    use crate::domain::check::Heard;

    const HOUR: i64 = 3_600_000;

    fn at(text: &str) -> Moment {
        Moment::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap())
    }

    fn check(schedule: Schedule) -> Check {
        Check { schedule, grace: Duration::from_secs(60), rise: 1, fall: 1, apart: None }
    }

    fn heard(check: &Check, at: Moment) -> State {
        check.hear(&State::new(check, at), Heard { kind: BeatKind::Success, health: None, at, sent_at: at, work: None }, None).state
    }

    #[test]
    fn a_period_keeps_the_time_that_has_passed() {
        let check = check(Schedule::Every(Duration::from_secs(600)));
        let state = heard(&check, at("2026-01-01T12:00:00Z"));
        for by in [HOUR, -HOUR] {
            let next = stepped(&check, &state, by);
            let noon = moved(at("2026-01-01T12:00:00Z"), by);
            assert_eq!(next.deadline(&check), noon + Duration::from_secs(660), "ten minutes and a grace after the beat, by any clock");
            assert_eq!(check.look(&next, noon + Duration::from_secs(300), None).flip, None);
        }
    }

    #[test]
    fn a_schedule_is_asked_anew() {
        let check = check(Schedule::parse("0 3 * * *", "UTC").unwrap());
        // The clock was a day ahead when it beat.
        let state = heard(&check, at("2026-01-02T12:00:00Z"));
        assert_eq!(state.due, at("2026-01-03T03:00:00Z"));
        assert_eq!(stepped(&check, &state, -24 * HOUR).due, at("2026-01-02T03:00:00Z"));
        assert_eq!(stepped(&check, &state, HOUR).due, at("2026-01-03T03:00:00Z"), "three o'clock stays three o'clock");
    }

    #[test]
    fn a_small_step_is_not_told() {
        assert_eq!(words(30_000), None);
        assert_eq!(words(-3_600_000).as_deref(), Some("by 1h, back"));
        assert_eq!(words(31_000).as_deref(), Some("by 31s, forward"));
    }
}
