//! Many alarms at once are told as one. The first few are told at once, each by itself; when there are many, the next ones are gathered.

use std::time::Duration;

use super::incident::{Incident, Severity};
use super::moment::Moment;

/// So many that fall at the same time are told together.
pub const MANY: usize = 5;
/// After so many within a minute, each by itself, the next ones are gathered.
pub const STORM: usize = 20;
/// So many at once are a message by themselves, in a storm too: nobody gathers more, and a million would wait for each other.
pub const CROWD: usize = 1_000;
/// Alarms are counted together that are told within this time.
pub const TOGETHER: Duration = Duration::from_secs(60);
/// What is gathered is told so often.
const GATHER: Duration = Duration::from_secs(10);

/// How alarms are told that are ready to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Each by itself, now.
    Each,
    /// All in one message, now.
    Together,
    /// They wait until then: others will join them.
    Wait(Moment),
}

/// What was told lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lately {
    /// How many alarms were told by themselves within [`TOGETHER`]. Where a group was, nobody asks how many.
    pub alone: usize,
    /// When a group was told last, if within [`TOGETHER`].
    pub group_at: Option<Moment>,
}

/// How alarms are told: `fresh` ones, and those that have `waited` already and wait no longer.
#[must_use]
pub fn tell(fresh: usize, waited: usize, lately: Lately, now: Moment) -> Telling {
    let is_storm = lately.group_at.is_some() || lately.alone >= STORM;
    match fresh + waited {
        _ if waited == 0 && fresh < CROWD && is_storm => Telling::Wait(next_round(now)),
        0 | 1 => Telling::Each,
        ready if is_storm || ready >= MANY => Telling::Together,
        _ => Telling::Each,
    }
}

/// All who wait are told in the same round.
fn next_round(now: Moment) -> Moment {
    let round = i64::try_from(GATHER.as_millis()).unwrap_or(i64::MAX);
    Moment::from_millis((now.as_millis().div_euclid(round) + 1).saturating_mul(round))
}

/// The name of the group that is told at `now`, as `check` is told.
#[must_use]
pub fn named(now: Moment, check: &str) -> String {
    format!("group-{}-{check}", now.as_millis())
}

/// The check as which a group is told; of everything else, itself.
#[must_use]
pub fn told_as(check: &str) -> &str {
    let rest = check.strip_prefix("group-").and_then(|rest| rest.split_once('-'));
    rest.map_or(check, |(_, check)| check)
}

/// Whether an incident is one that is never kept waiting: the public may be without an answer.
#[must_use]
pub fn is_urgent(incident: &Incident) -> bool {
    incident.severity == Severity::Critical
}

/// Why the cause may be ours, where it may: everything that fell is silent, and nothing at all has been heard since before the first of it
/// was due. `heard_at`: the last beat of anybody.
#[must_use]
pub fn may_be_ours(fallen: &[&Incident], heard_at: Option<Moment>) -> bool {
    let first = fallen.iter().map(|incident| incident.since).min();
    fallen.iter().all(|incident| incident.reason.is_silence()) && first.is_some_and(|first| heard_at.is_none_or(|heard| heard < first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::check::{Reason, Status};

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_few_are_told_each_by_itself_and_many_in_one_message() {
        let none = Lately::default();
        assert_eq!(tell(1, 0, none, at(0)), Telling::Each);
        assert_eq!(tell(4, 0, none, at(0)), Telling::Each);
        assert_eq!(tell(5, 0, none, at(0)), Telling::Together);
        assert_eq!(tell(3, 2, none, at(0)), Telling::Together, "those that waited for a cause are told with the others");
        assert_eq!(tell(1, 0, Lately { alone: 19, group_at: None }, at(0)), Telling::Each);
    }

    #[test]
    fn in_a_storm_the_next_ones_are_gathered_and_nobody_waits_twice() {
        for lately in [Lately { alone: 0, group_at: Some(at(60)) }, Lately { alone: 20, group_at: None }] {
            assert_eq!(tell(1, 0, lately, at(101)), Telling::Wait(at(110)));
            assert_eq!(tell(900, 0, lately, at(109)), Telling::Wait(at(110)));
            assert_eq!(tell(CROWD, 0, lately, at(109)), Telling::Together, "a crowd is a message by itself");
            assert_eq!(tell(0, 900, lately, at(110)), Telling::Together);
            assert_eq!(tell(3, 1, lately, at(110)), Telling::Together);
            assert_eq!(tell(0, 1, lately, at(110)), Telling::Each);
        }
    }

    #[test]
    fn a_group_is_told_as_one_of_its_checks() {
        assert_eq!(told_as(&named(at(1), "nightly-backup")), "nightly-backup");
        assert_eq!(told_as("nightly-backup"), "nightly-backup");
    }

    #[test]
    fn the_cause_may_be_ours_where_nothing_at_all_was_heard() {
        let incident = |since, reason| Incident {
            key: String::new(),
            check: "job".into(),
            status: Status::Down,
            severity: Severity::Warning,
            since: at(since),
            reason,
            cause: None,
            flips: 1,
            resolved_at: None,
        };
        let silent = |since| incident(since, Reason::Silent { last_heard: None, farewell: None, forgiven: false });
        let failing = incident(30, Reason::Failing { what: "no".into(), times: 1 });
        assert!(may_be_ours(&[&silent(20), &silent(30)], Some(at(10))));
        assert!(may_be_ours(&[&silent(20)], None));
        assert!(!may_be_ours(&[&silent(20), &silent(30)], Some(at(25))), "somebody was heard");
        assert!(!may_be_ours(&[&silent(20), &failing], Some(at(10))), "a failure was heard");
    }
}
