//! What a step of the system's clock does to what is expected: a period keeps the time that has passed of it, a schedule is asked anew.

use std::time::Duration;

use super::check::{Check, State};
use super::moment::Moment;
use super::roster::{Roster, Rule, Wanted};
use super::schedule::Schedule;

/// A greater step is told: what people see and what they had planned is no longer what it was.
pub const WORTH_TELLING: Duration = Duration::from_secs(30);

/// Where a clock was set back by more, what it shows again is done again. By less, what was done at its stated time is not: so Debian's cron has it.
const CORRECTED_MS: i64 = 3 * 3_600_000;

/// Between two readings that differ by no more than this, in milliseconds, nobody has set the clock.
pub const SAME_MS: i64 = 1_000;

/// So far, in milliseconds, a watcher's count may be off after somebody else has followed the clock. Watchers that work say within this time how far
/// they have come.
const OFF_MS: i64 = 5_000;

/// A watcher that begins goes by the clock of the store's server, where the last sweep was so near to it, in milliseconds.
const NEAR_MS: i64 = 3_000;

/// The same moment by the new clock, which is so many milliseconds ahead of the old one.
#[must_use]
pub fn moved(moment: Moment, by_ms: i64) -> Moment {
    Moment::from_millis(moment.as_millis().saturating_add(by_ms))
}

/// What a watcher sees of the clock that the watchers of a store have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// What it should show: its time when we agreed with it, and what has passed since by our own count.
    pub counted: Moment,
    /// What it shows.
    pub shown: Moment,
    /// By so many milliseconds that may be wrong.
    pub within_ms: i64,
    /// By how many milliseconds others have moved the store since we agreed; none: nobody has.
    pub followed_ms: Option<i64>,
    /// How far the last sweep had come that anybody has written down.
    pub marked: Option<Moment>,
}

impl Sight {
    /// By how many milliseconds the store is to be moved, so that it is dated by the clock as it is: 0 where it is already.
    ///
    /// The store's time is what we have counted, and what others have moved it by. A sweep that is dated later than that proves that it is we who
    /// stood still.
    #[must_use]
    pub fn unfollowed_ms(&self) -> i64 {
        let counted = moved(self.counted, self.followed_ms.unwrap_or(0));
        let ahead_of_us = self.marked.filter(|marked| *marked > moved(counted, SAME_MS + self.within_ms));
        let by_ms = self.shown.as_millis().saturating_sub(ahead_of_us.unwrap_or(counted).as_millis());
        let is_ours_alone = ahead_of_us.is_none() && self.followed_ms.is_none();
        let same_ms = if is_ours_alone { SAME_MS } else { OFF_MS };
        if by_ms.saturating_abs() > same_ms.saturating_add(self.within_ms) { by_ms } else { 0 }
    }
}

/// By which time a watcher begins, where the common clock shows this and the last sweep of anybody was then; none: not yet, for others may be about
/// to follow that clock. Once they have had their time (`is_over`), whoever swept is gone: what lies ahead of the clock was written before it was set
/// back, and what lies behind it was written before a time in which nobody ran.
#[must_use]
pub fn joined(shown: Moment, marked: Option<Moment>, is_over: bool) -> Option<Moment> {
    let Some(marked) = marked else { return Some(shown) };
    let apart = shown.as_millis().saturating_sub(marked.as_millis());
    if apart.saturating_abs() <= NEAR_MS {
        return Some(shown);
    }
    is_over.then(|| shown.max(marked))
}

/// A state with each of its moments by the new clock. Of one that is not in force, that is all: what it is due by is found when it is brought back.
#[must_use]
pub fn redated(state: &State, by_ms: i64) -> State {
    let at = |moment: Moment| moved(moment, by_ms);
    let mut next = state.clone();
    next.since = at(state.since);
    next.due = at(state.due);
    next.due_from = state.due_from.map(at);
    next.forgiven_until = state.forgiven_until.map(at);
    next.runs_forgiven_until = state.runs_forgiven_until.map(at);
    next.last_heard = state.last_heard.map(at);
    next.runs = state.runs.dated(at);
    next.streak.weak_since = state.streak.weak_since.map(|(arrived, said)| (at(arrived), said));
    next
}

/// A check's state by the new clock, which shows `now`.
///
/// Where a beat was due already, it still is, and as much of its grace has passed. Where its time was yet to come, nothing is missed by the step: it
/// is due at the schedule's next time that was not served.
#[must_use]
pub fn stepped(check: &Check, state: &State, by_ms: i64, now: Moment) -> State {
    let mut next = redated(state, by_ms);
    if is_by_the_clock(&check.schedule) && next.due > now {
        check.ask_from(&mut next, asked_from(&check.schedule, state.due_from, by_ms, now));
        // A beat that is early by the new clock counts as one that is by the old.
        if let Some(slot) = next.last_heard.and_then(|last| check.early_for(&next, last)) {
            check.ask_from(&mut next, slot);
        }
        let slot = next.due;
        if was_served(&check.schedule, slot, state.due, by_ms) {
            check.ask_from(&mut next, slot);
        }
    }
    next
}

/// The instances of a check by the new clock, which shows `now`.
#[must_use]
pub fn stepped_roster(rule: &Rule, roster: &Roster, by_ms: i64, now: Moment) -> Roster {
    let mut next = roster.clone();
    for member in &mut next.members {
        member.state = stepped(&rule.of(member.every_ms), &member.state, by_ms, now);
        if let Some(before) = &mut member.before {
            before.state = redated(&before.state, by_ms);
        }
    }
    next.wanted = stepped_wanted(&rule.check.schedule, &roster.wanted, by_ms, now);
    next
}

/// What is expected of those who were never heard, by the new clock.
fn stepped_wanted(schedule: &Schedule, wanted: &Wanted, by_ms: i64, now: Moment) -> Wanted {
    let at = |moment: Moment| moved(moment, by_ms);
    let due = schedule.next(wanted.since);
    let mut since = at(wanted.since);
    if is_by_the_clock(schedule) && at(due) > now {
        since = asked_from(schedule, None, by_ms, now);
        let slot = schedule.next(since);
        if was_served(schedule, slot, due, by_ms) {
            since = slot;
        }
    }
    Wanted { since, forgiven_until: wanted.forgiven_until.map(at), ..wanted.clone() }
}

fn is_by_the_clock(schedule: &Schedule) -> bool {
    match schedule {
        Schedule::Every(_) => false,
        Schedule::Cron(_) | Schedule::Calendar(_) => true,
    }
}

/// From when on a schedule is asked that had asked for nothing up to `due_from`, and whose next time lay ahead of the old clock.
fn asked_from(schedule: &Schedule, due_from: Option<Moment>, by_ms: i64, now: Moment) -> Moment {
    let is_shown_again = (-CORRECTED_MS..0).contains(&by_ms);
    if !is_shown_again || !schedule.is_stated() {
        return now;
    }
    let before = moved(now, by_ms.saturating_neg());
    due_from.map_or(before, |from| from.max(before))
}

/// Whether this time of a schedule is the last one before `due`, which lay ahead of the old clock.
fn was_served(schedule: &Schedule, slot: Moment, due: Moment, by_ms: i64) -> bool {
    by_ms >= -CORRECTED_MS && schedule.next(slot) == due
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
    use crate::domain::roster::Now;

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
            let noon = moved(at("2026-01-01T12:00:00Z"), by);
            let next = stepped(&check, &state, by, noon);
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
        let due = |by: i64| stepped(&check, &state, by, moved(at("2026-01-02T12:00:00Z"), by)).due;
        assert_eq!(due(-24 * HOUR), at("2026-01-02T03:00:00Z"));
        assert_eq!(due(HOUR), at("2026-01-03T03:00:00Z"), "three o'clock stays three o'clock");
    }

    #[test]
    fn a_time_that_was_served_is_not_asked_for_again_and_one_that_is_passed_over_not_at_all() {
        for (expression, beat, now, by, due) in [
            ("0 3 * * *", "02T03:00:01", "02T12:00:00", -2_000, "03T03:00:00"),
            ("0 3 * * *", "02T03:00:01", "02T03:10:00", -HOUR, "03T03:00:00"),
            // Early, and counted.
            ("0 3 * * *", "02T02:59:58", "02T02:59:59", -2_000, "03T03:00:00"),
            ("0 3 * * *", "02T02:59:58", "02T02:59:58", 1_100, "03T03:00:00"),
            ("0 3 * * *", "02T02:59:58", "02T02:59:59", -24 * HOUR, "02T03:00:00"),
            ("0 9-17 * * *", "02T12:00:01", "02T12:10:00", -2 * HOUR, "02T13:00:00"),
            // What runs every hour runs by the new clock, and what has just run does not run at once again.
            ("0 * * * *", "02T12:00:01", "02T12:10:00", -2 * HOUR, "02T11:00:00"),
            ("0 * * * *", "02T12:00:01", "02T12:10:00", -HOUR / 3, "02T13:00:00"),
            ("0 * * * *", "02T12:00:01", "02T12:50:00", HOUR / 4, "02T14:00:00"),
        ] {
            let [beat, now, due] = [beat, now, due].map(|time| at(&format!("2026-01-{time}Z")));
            let check = check(Schedule::parse(expression, "UTC").unwrap());
            let next = stepped(&check, &heard(&check, beat), by, moved(now, by));
            assert_eq!(next.due, due, "{expression}, heard at {beat}, by {by} at {now}");
        }
    }

    #[test]
    fn a_time_that_has_passed_stays_missed_and_its_grace_goes_on() {
        let check = check(Schedule::parse("0 3 * * *", "UTC").unwrap());
        let state = heard(&check, at("2026-01-01T03:00:01Z"));
        for by in [-24 * HOUR, -HOUR, -2_000, 2_000, HOUR, 24 * HOUR] {
            let now = moved(at("2026-01-02T03:00:20Z"), by);
            let next = stepped(&check, &state, by, now);
            assert_eq!(next.deadline(&check), now + Duration::from_secs(40), "{by}");
            assert_eq!(check.look(&next, now, None).flip, None, "{by}");
        }
    }

    /// Around the times of schedules of each kind, and where the clocks of Riga are moved.
    #[test]
    fn by_a_step_nothing_is_missed_and_nothing_is_asked_for_twice_or_not_at_all() {
        let schedules = ["0 3 * * *", "30 2,14 * * 1-5", "*/10 * * * *", "0 9-17 * * *", "Mon..Fri 08:00"];
        for (expression, zone) in schedules.into_iter().flat_map(|expression| [(expression, "UTC"), (expression, "Europe/Riga")]) {
            let check = check(Schedule::parse(expression, zone).unwrap());
            for start in ["2026-03-29T00:35:00Z", "2026-10-24T23:45:00Z"] {
                let mut slot = at(start);
                for _ in 0..4 {
                    slot = check.schedule.next(slot);
                    for (beat, later) in [(-2_000, 500), (-2_000, 300_000), (0, 500), (1_500, 500), (1_500, 300_000)] {
                        let expected = State { due: slot, ..State::new(&check, moved(slot, -60_000)) };
                        let at = moved(slot, beat);
                        let said = Heard { kind: BeatKind::Success, health: None, at, sent_at: at, work: None };
                        holds_around(&check, slot, &check.hear(&expected, said, None).state, moved(at, later));
                    }
                }
            }
        }
    }

    /// Whatever the clock does at `now`, when this time was served and the next one lies ahead.
    fn holds_around(check: &Check, slot: Moment, state: &State, now: Moment) {
        for by in [-26 * HOUR, -4 * HOUR, -2 * HOUR, -HOUR, -600_000, -2_000, 1_100, 61_000, HOUR, 26 * HOUR] {
            let shown = moved(now, by);
            let next = stepped(check, state, by, shown);
            let words = format!("{}, served {slot}, by {by} at {now}: due {}", check.schedule, next.due);
            assert!(next.due > shown, "{words}");
            assert!(by < -CORRECTED_MS || next.due != slot, "{words}");
            assert!(next.due <= check.schedule.next(check.schedule.next(shown)).max(state.due), "{words}");
            assert_eq!(check.renewed(&next, shown + Duration::from_millis(1)), next, "a start after it: {words}");
        }
    }

    #[test]
    fn who_was_never_heard_is_not_missed_by_a_step_either() {
        let roster = Roster::new(Wanted::new(2, at("2026-01-02T03:30:00Z")));
        let look_at = |schedule: Schedule, by: i64| {
            let rule = Rule { check: check(schedule), at_own_pace: false };
            let now = moved(at("2026-01-02T04:00:00Z"), by);
            stepped_roster(&rule, &roster, by, now).look_at(&rule, Now { at: now, quiet_until: None })
        };
        let nightly = || Schedule::parse("0 3 * * *", "UTC").unwrap();
        assert_eq!(look_at(nightly(), -7 * HOUR / 6), Some(at("2026-01-03T03:01:00Z")), "it is ten to three once more");
        assert_eq!(look_at(nightly(), 24 * HOUR), Some(at("2026-01-04T03:01:00Z")));
        assert_eq!(look_at(Schedule::Every(Duration::from_secs(3_600)), -HOUR), Some(at("2026-01-02T03:31:00Z")));
    }

    /// Where a minute was counted; by these milliseconds the clock is ahead of that, others have moved the store, and the last sweep is ahead of it.
    fn unfollowed(shown: i64, followed_ms: Option<i64>, marked: i64) -> i64 {
        let [counted, shown, marked] = [0, shown, marked].map(|by_ms| Moment::from_millis(60_000 + by_ms));
        Sight { counted, shown, within_ms: 5, followed_ms, marked: Some(marked) }.unfollowed_ms()
    }

    #[test]
    fn a_common_clock_that_was_set_is_followed_by_whoever_sees_it_first_and_by_nobody_else() {
        for by in [HOUR, -HOUR, 2_000, -2_000] {
            assert_eq!(unfollowed(by, None, -700), by, "nobody has");
            assert_eq!(unfollowed(by, Some(by), by - 100), 0, "somebody has");
        }
        assert_eq!((unfollowed(1_005, None, -700), unfollowed(-1_005, None, -700)), (0, 0), "the way of question and answer");
    }

    #[test]
    fn a_common_clock_that_was_set_again_after_others_had_followed_it_is_followed_once_more() {
        for by in [HOUR, -HOUR] {
            assert_eq!(unfollowed(0, Some(by), by - 700), -by, "set back to what it was, and whoever had followed it died");
            assert_eq!(unfollowed(2 * by, Some(by), by - 700), by, "set twice");
            assert_eq!(unfollowed(0, Some(0), -700), 0, "both were followed");
        }
    }

    #[test]
    fn a_machine_that_stood_still_moves_nothing_where_anybody_has_swept_meanwhile() {
        for stood_still in [2_400, 60_000, HOUR] {
            for age in [0, 1_200] {
                assert_eq!(unfollowed(stood_still, None, stood_still - age), 0, "{stood_still}, {age}");
            }
        }
        assert_eq!(unfollowed(HOUR, None, -700), HOUR, "nobody has: what is due waits as long as by our own count");
        assert_eq!(unfollowed(2 * HOUR, None, HOUR - 700), HOUR + 700, "we stood still for an hour, and then the clock was set");
        assert_eq!(unfollowed(2 * HOUR, Some(HOUR), 2 * HOUR - 700), 0, "the other way round");
    }

    #[test]
    fn who_was_moved_by_mistake_is_moved_back_and_nobody_moves_for_ever() {
        // One stood still for an hour while the other was stopped, and has moved the store: the other one wakes and takes it back.
        assert_eq!(unfollowed(0, Some(HOUR), 0), -HOUR);
        assert_eq!(unfollowed(0, Some(-HOUR), -100), 0, "and the first one knows by that sweep");
        // What nobody can know is not fought over.
        for by in [-2_000, 2_000, 4_000] {
            assert_eq!(unfollowed(0, Some(by), by.min(0) - 100), 0, "{by}");
        }
    }

    #[test]
    fn a_watcher_begins_by_the_common_clock_once_the_store_is_dated_by_it_or_nobody_else_runs() {
        let at = Moment::from_millis;
        let now = at(7_200_000);
        assert_eq!(joined(now, None, false), Some(now));
        for marked in [-3_000, -700, 900] {
            assert_eq!(joined(now, Some(moved(now, marked)), false), Some(now), "{marked}");
        }
        for (marked, begins) in [(moved(now, -HOUR), now), (moved(now, HOUR), moved(now, HOUR))] {
            assert_eq!(joined(now, Some(marked), false), None, "others may be about to follow it");
            assert_eq!(joined(now, Some(marked), true), Some(begins), "nobody was");
        }
    }

    #[test]
    fn a_small_step_is_not_told() {
        assert_eq!(words(30_000), None);
        assert_eq!(words(-3_600_000).as_deref(), Some("by 1h, back"));
        assert_eq!(words(31_000).as_deref(), Some("by 31s, forward"));
    }
}
