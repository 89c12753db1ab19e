//! What holds of every history, and not only of those that somebody has thought of.
//!
//! Histories are made by a seed: a history is a list, its shortest prefix that fails is its smallest example, and a crate for that would be
//! another twenty to build.

use super::*;
use crate::domain::roster::{Now, Roster, Rule, Sender, Wanted};

const HISTORIES: u64 = 2_000;

/// `SplitMix64`.
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) % end
    }

    fn moment(&mut self, from: Moment, within: u64) -> Moment {
        from + Duration::from_millis(self.below(within))
    }

    fn check(&mut self) -> Check {
        let schedules = ["*/5 * * * *", "0 3 * * *", "30 2 * * 1-5"];
        let schedule = match self.below(4) {
            0 => Schedule::parse(schedules[usize::try_from(self.below(3)).unwrap()], "Europe/Riga").unwrap(),
            _ => Schedule::Every(Duration::from_millis(1 + self.below(90_000))),
        };
        let apart = (self.below(4) == 0).then(|| Duration::from_millis(self.below(20_000)));
        let (rise, fall) = (1 + u32::try_from(self.below(3)).unwrap(), 1 + u32::try_from(self.below(3)).unwrap());
        Check { schedule, grace: Duration::from_millis(self.below(40_000)), rise, fall, apart }
    }

    fn said(&mut self, at: Moment) -> Said {
        let kinds = [BeatKind::Start, BeatKind::Success, BeatKind::Success, BeatKind::Fail, BeatKind::Log, BeatKind::Bye];
        let shows = [Showing::Good, Showing::Good, Showing::Slow, Showing::Bad, Showing::Exited];
        let kind = kinds[usize::try_from(self.below(6)).unwrap()];
        let showing = shows[usize::try_from(self.below(5)).unwrap()];
        let health = (self.below(2) == 0).then(|| Health { showing, latency_ms: None, reason: None, since: None, told: Vec::new() });
        Said { kind, health, at, work: (self.below(3) == 0).then(|| Uuid::from_u128(u128::from(self.below(3)))) }
    }
}

#[derive(Debug, Clone)]
struct Said {
    kind: BeatKind,
    health: Option<Health>,
    at: Moment,
    work: Option<Uuid>,
}

impl Said {
    fn heard(&self) -> Heard<'_> {
        Heard { kind: self.kind, health: self.health.as_ref(), at: self.at, sent_at: self.at, work: self.work }
    }

    fn counts(&self) -> bool {
        matches!(self.kind, BeatKind::Success | BeatKind::Fail)
    }
}

/// Every state of every history, with what comes next, and a deploy that makes it quiet in some.
fn everywhere(holds: impl Fn(&mut Seed, &Check, &State, &Said, Option<Moment>)) {
    for number in 0..HISTORIES {
        let mut seed = Seed(number);
        let check = seed.check();
        let mut at = Moment::from_millis(1_795_000_000_000);
        let mut state = State::new(&check, at);
        let quiet = (seed.below(4) == 0).then(|| seed.moment(at, 300_000));
        for _ in 0..12 {
            at = seed.moment(at, 60_000);
            let said = seed.said(at);
            holds(&mut seed, &check, &state, &said, quiet);
            state = match seed.below(5) {
                0 => check.look(&state, at, quiet).state,
                1 => check.forgive(&state, at, seed.moment(at, 60_000)),
                _ => check.hear(&state, said.heard(), quiet).state,
            };
        }
    }
}

#[test]
fn an_early_look_does_nothing_and_one_in_time_does_it_all() {
    everywhere(|seed, check, state, said, quiet| {
        let decision = check.hear(state, said.heard(), quiet);
        let Some(look_at) = decision.look_at.filter(|look_at| *look_at > said.at) else { return };
        let early = said.at + Duration::from_millis(seed.below(u64::try_from(look_at.since(said.at).as_millis()).unwrap()));
        let looked = check.look(&decision.state, early, quiet);
        assert_eq!((&looked.state, &looked.flip, looked.look_at), (&decision.state, &None, Some(look_at)), "{said:?}");
        if quiet.is_none() && look_at.as_millis() < i64::MAX {
            assert!(
                check.look(&decision.state, look_at, quiet).flip.is_some(),
                "it was to be looked at then, and nothing was found: {said:?}"
            );
        }
    });
}

#[test]
fn a_look_that_is_repeated_does_nothing() {
    everywhere(|seed, check, state, said, quiet| {
        let once = check.look(state, said.at, quiet);
        for later in [said.at, seed.moment(said.at, 1_000_000)] {
            let again = check.look(&once.state, later, quiet);
            let is_due = once.look_at.is_some_and(|look_at| look_at <= later);
            assert!(is_due || again.flip.is_none(), "{once:?} {again:?}");
        }
    });
}

#[test]
fn silence_is_dated_by_its_deadline_however_late_it_is_found() {
    everywhere(|seed, check, state, said, quiet| {
        let deadline = state.deadline(check).max(quiet.unwrap_or_default());
        if state.status == Status::Down || deadline.as_millis() == i64::MAX || state.waits {
            return;
        }
        let late = seed.moment(deadline, 10_000_000).max(said.at).max(deadline);
        let (found, in_time) = (check.look(state, late, quiet).flip.unwrap(), check.look(state, deadline, quiet).flip.unwrap());
        assert_eq!(found, in_time);
        assert_eq!((found.at, found.since, found.to), (deadline, deadline, Status::Down));
        assert!(check.look(state, Moment::from_millis(deadline.as_millis() - 1), quiet).flip.is_none_or(|flip| !flip.reason.is_silence()));
    });
}

#[test]
fn a_flip_leads_from_what_was_to_something_else() {
    everywhere(|_, check, state, said, quiet| {
        for decision in [check.hear(state, said.heard(), quiet), check.look(state, said.at, quiet)] {
            match &decision.flip {
                Some(flip) => {
                    assert_eq!((flip.from, flip.to), (state.status, decision.state.status));
                    assert!(flip.from != flip.to && flip.since <= flip.at && flip.at <= said.at, "{flip:?}");
                }
                None => assert_eq!(state.status, decision.state.status),
            }
        }
    });
}

#[test]
fn down_takes_silence_or_enough_bad_answers_and_up_takes_enough_good_ones() {
    everywhere(|_, check, state, said, quiet| {
        let decision = check.hear(state, said.heard(), quiet);
        let Some(flip) = decision.flip else { return };
        match flip.to {
            Status::Down => assert!(decision.state.streak.bad >= check.fall),
            Status::Up if flip.from == Status::Down => assert!(decision.state.streak.good >= check.rise),
            _ => {}
        }
        assert!(said.counts(), "a start, a note or a goodbye is no answer: {said:?}");
    });
}

#[test]
fn only_an_answer_moves_a_deadline_on() {
    everywhere(|_, check, state, said, quiet| {
        let (before, after) = (state.deadline(check), check.hear(state, said.heard(), quiet).state.deadline(check));
        match said.kind {
            BeatKind::Log | BeatKind::Bye => assert_eq!(before, after),
            BeatKind::Start => assert!(after <= before),
            BeatKind::Success | BeatKind::Fail => assert!(after >= said.at || state.runs != Runs::default()),
        }
    });
}

#[test]
fn what_was_heard_before_the_last_beat_and_is_stored_after_it_takes_no_time_away() {
    everywhere(|seed, check, state, said, quiet| {
        let last = check.hear(state, Heard { kind: BeatKind::Success, ..said.heard() }, quiet).state;
        let earlier = Heard { at: said.at - Duration::from_millis(1 + seed.below(60_000)), kind: BeatKind::Success, ..said.heard() };
        let after = check.hear(&last, earlier, quiet).state;
        assert!(after.due >= last.due && after.last_heard == last.last_heard, "{last:?} {after:?}");
    });
}

#[test]
fn a_deadline_is_moved_once_and_never_back() {
    everywhere(|seed, check, state, said, _| {
        let soon = said.at + Duration::from_millis(1);
        let once = check.forgive(state, said.at, seed.moment(soon, 100_000));
        assert!(once.deadline(check) >= state.deadline(check));
        assert_eq!(check.forgive(&once, said.at, seed.moment(soon, 10_000_000)), once);
        let later = seed.moment(soon, 10_000_000);
        let again = check.forgive(&once, later, seed.moment(later, 100_000));
        assert!(once.forgiven_until.is_none() || again.forgiven_until == once.forgiven_until);
        assert!(once.runs_forgiven_until.is_none() || again.runs_forgiven_until == once.runs_forgiven_until);
    });
}

#[test]
fn a_start_that_expects_what_was_expected_changes_nothing() {
    everywhere(|seed, check, state, said, _| assert_eq!(&check.renewed(state, seed.moment(said.at, 10_000_000)), state));
}

#[test]
fn by_another_schedule_alone_nothing_is_missed_and_each_counts_once() {
    const EARLY: Duration = Duration::from_secs(3);
    everywhere(|seed, check, state, said, _| {
        if state.last_heard.is_none() && state.status == Status::Down {
            return;
        }
        let other = Check { schedule: seed.check().schedule, ..check.clone() };
        let now = seed.moment(said.at, 10_000_000);
        let renewed = other.renewed(state, now);
        assert!(renewed.due > now || state.due <= now, "{renewed:?}");
        assert!(renewed.due <= other.schedule.next(now + EARLY), "it counts from now on: {renewed:?}");
        assert_eq!(other.renewed(&renewed, seed.moment(now, 1_000_000)), renewed);
    });
}

#[test]
fn of_instances_too_an_early_or_repeated_look_does_nothing() {
    for number in 0..HISTORIES {
        let mut seed = Seed(number);
        let check = Check { apart: None, ..seed.check() };
        let rule = Rule { check: check.clone(), at_own_pace: false };
        let mut at = Moment::from_millis(1_795_000_000_000);
        let mut state = State::new(&check, at);
        let mut roster = Roster::new(Wanted::new(1 + u32::try_from(seed.below(3)).unwrap(), at));
        for _ in 0..12 {
            at = seed.moment(at, 60_000);
            let (said, name) = (seed.said(at), ["one", "two", "three", "four"][usize::try_from(seed.below(4)).unwrap()]);
            let heard = roster.hear(&rule, &state, Sender { name, every_ms: None }, said.heard(), None);
            if let Some(look_at) = heard.look_at.filter(|look_at| *look_at > at) {
                let early = Moment::from_millis(seed.moment(at, 1_000_000).as_millis().min(look_at.as_millis() - 1));
                let looked = heard.roster.look(&rule, &heard.state, Now { at: early, quiet_until: None });
                assert_eq!((&looked.roster, &looked.flip, &looked.rewording), (&heard.roster, &None, &None), "{said:?}");
            }
            let once = heard.roster.look(&rule, &heard.state, Now { at, quiet_until: None });
            let again = once.roster.look(&rule, &once.state, Now { at, quiet_until: None });
            assert_eq!((&again.roster, &again.flip, &again.rewording), (&once.roster, &None, &None), "{said:?}");
            (roster, state) = (once.roster, once.state);
        }
    }
}
