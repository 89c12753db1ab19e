use std::time::Duration;

use super::*;
use crate::domain::beat::{BeatKind, Health, Showing};
use crate::domain::schedule::Schedule;

/// Due every 10 s with 20 s of grace; rise 1, fall 3.
fn rule() -> Rule {
    let check = Check { schedule: Schedule::Every(Duration::from_secs(10)), grace: Duration::from_secs(20), rise: 1, fall: 3, apart: None };
    Rule { check, at_own_pace: true }
}

fn at(seconds: i64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

fn now(seconds: i64) -> Now {
    Now { at: at(seconds), quiet_until: None }
}

/// A check and its instances, as the store would keep them.
struct Watched {
    roster: Roster,
    state: State,
}

impl Watched {
    /// Expects so many from moment 0.
    fn new(count: u32) -> Self {
        Self { roster: Roster::new(Wanted::new(count, at(0))), state: State::new(&rule().check, at(0)) }
    }

    /// All of these have said that all is well at moment 0.
    fn with(count: u32, names: &[&str]) -> Self {
        let mut check = Self::new(count);
        for name in names {
            check.good(name, 0);
        }
        check
    }

    fn take(&mut self, decision: RosterDecision) -> RosterDecision {
        self.roster = decision.roster.clone();
        self.state = decision.state.clone();
        decision
    }

    fn says(&mut self, name: &str, kind: BeatKind, health: Option<&Health>, second: i64) -> RosterDecision {
        let heard = Heard { kind, health, at: at(second), sent_at: at(second), work: None };
        let decision = self.roster.hear(&rule(), &self.state, Sender { name, every_ms: None }, heard, None);
        self.take(decision)
    }

    fn good(&mut self, name: &str, second: i64) -> RosterDecision {
        self.says(name, BeatKind::Success, None, second)
    }

    fn bye(&mut self, name: &str, second: i64) -> RosterDecision {
        self.says(name, BeatKind::Bye, Some(&Health::not_good(Showing::Good, "ended with code 137")), second)
    }

    fn bad(&mut self, name: &str, second: i64) -> RosterDecision {
        self.says(name, BeatKind::Fail, Some(&Health::not_good(Showing::Bad, "answered 500")), second)
    }

    fn exited(&mut self, name: &str, second: i64) -> RosterDecision {
        self.says(name, BeatKind::Fail, Some(&Health::not_good(Showing::Exited, "ended with code 3")), second)
    }

    fn look(&mut self, second: i64) -> RosterDecision {
        let decision = self.roster.look(&rule(), &self.state, now(second));
        self.take(decision)
    }

    fn expect(&mut self, count: u32, second: i64) -> RosterDecision {
        let decision = self.roster.expect(&rule(), &self.state, count, now(second));
        self.take(decision)
    }

    fn names(&self) -> Vec<&str> {
        self.roster.members.iter().map(|member| member.name.as_str()).collect()
    }
}

fn said(decision: &RosterDecision) -> (Status, String) {
    let flip = decision.flip.as_ref().expect("a flip");
    (flip.to, flip.reason.to_string())
}

#[test]
fn the_silence_of_one_is_not_masked_by_the_beats_of_the_others() {
    let mut check = Watched::with(3, &["a", "b", "c"]);
    for second in [10, 20] {
        check.good("a", second);
        check.good("b", second);
    }
    assert_eq!(check.look(29).flip, None);
    let decision = check.look(45);
    let flip = decision.flip.clone().unwrap();
    assert_eq!((flip.from, flip.at, flip.since, flip.key_at), (Status::Up, at(30), at(30), at(30)), "dated by its own deadline");
    let (status, words) = said(&decision);
    assert_eq!(status, Status::Poorly);
    assert!(words.starts_with("2 of 3 instances are well; c: no beat since 1970-01-01T00:00:00.000Z"), "{words}");
    assert!(!words.contains("a: ") && !words.contains("b: "), "{words}");
    let again = check.look(46);
    assert_eq!((again.flip, again.rewording), (None, None), "a repeated look does nothing");
}

#[test]
fn bye_gives_the_reason_and_lowers_nothing() {
    let mut check = Watched::with(2, &["a", "b"]);
    assert_eq!(check.bye("b", 5).flip, None, "it is missing at its deadline, not before");
    check.good("a", 20);
    let (status, words) = said(&check.look(30));
    assert_eq!(status, Status::Poorly);
    assert!(words.contains("b: no beat since") && words.contains("it said bye: ended with code 137"), "{words}");
    assert_eq!(check.roster.wanted.count, 2);
}

#[test]
fn none_left_is_down_dated_by_the_last_and_the_trouble_began_with_the_first() {
    let mut check = Watched::with(2, &["a", "b"]);
    check.good("b", 5);
    let flip = check.look(60).flip.unwrap();
    assert_eq!((flip.to, flip.at, flip.since), (Status::Down, at(35), at(30)));
    assert!(flip.reason.to_string().starts_with("0 of 2 instances are well; a: "), "{}", flip.reason);
    assert!(flip.reason.is_silence());
    let back = check.good("a", 70);
    assert_eq!(back.flip.map(|flip| (flip.from, flip.to)), Some((Status::Down, Status::Poorly)), "one is back, one is still missing");
    assert_eq!(check.good("b", 71).flip.unwrap().to, Status::Up);
}

#[test]
fn one_by_another_name_makes_it_whole_and_the_old_name_is_forgotten() {
    let mut check = Watched::with(2, &["a", "b"]);
    check.good("a", 20);
    check.look(31);
    let flip = check.good("c", 32).flip.unwrap();
    assert_eq!((flip.to, flip.reason), (Status::Up, Reason::Recovered));
    assert_eq!(check.names(), ["a", "c"]);
}

#[test]
fn more_than_expected_are_welcome_and_whoever_leaves_them_is_no_alarm() {
    let mut check = Watched::with(1, &["old", "new"]);
    check.bye("old", 5);
    check.good("new", 25);
    let decision = check.look(40);
    assert_eq!((decision.flip, check.names()), (None, vec!["new"]));
    check.good("extra", 41);
    assert_eq!(check.exited("extra", 42).flip, None, "one is expected, and one is well");
}

#[test]
fn an_instance_that_fails_is_named_after_fall_and_one_that_ended_at_once() {
    let mut check = Watched::with(2, &["a", "b"]);
    assert_eq!(said(&check.bad("b", 1)).0, Status::Failing);
    assert_eq!(check.bad("b", 2).flip, None);
    let decision = check.bad("b", 3);
    assert_eq!(decision.flip.as_ref().map(|flip| (flip.at, flip.since)), Some((at(3), at(1))));
    assert_eq!(said(&decision), (Status::Poorly, "1 of 2 instances is well; b: answered 500 (3 times in a row)".to_owned()));
    assert_eq!(said(&check.good("b", 4)).0, Status::Up);
    assert_eq!(said(&check.exited("a", 5)), (Status::Poorly, "1 of 2 instances is well; a: ended with code 3".to_owned()));
}

#[test]
fn a_second_one_that_is_missing_is_worse_and_is_said_so_once() {
    let mut check = Watched::with(3, &["a", "b", "c"]);
    check.good("a", 20);
    check.good("b", 5);
    assert_eq!(check.look(31).flip.unwrap().to, Status::Poorly);
    let decision = check.look(36);
    let rewording = decision.rewording.unwrap();
    assert_eq!((decision.flip, rewording.worse_since), (None, Some(at(35))));
    assert!(rewording.reason.to_string().starts_with("1 of 3 instances is well; b: "), "{}", rewording.reason);
    assert_eq!(check.look(37).rewording, None);
    let better = check.good("b", 38).rewording.unwrap();
    assert_eq!(better.worse_since, None);
}

#[test]
fn whoever_was_never_heard_is_missing_at_the_deadline_of_a_first_beat() {
    let mut check = Watched::with(3, &["a"]);
    check.good("a", 20);
    assert_eq!((check.state.status, check.look(29).flip), (Status::Up, None));
    let decision = check.look(31);
    assert_eq!(decision.flip.as_ref().map(|flip| flip.at), Some(at(30)));
    assert_eq!(said(&decision), (Status::Poorly, "1 of 3 instances is well; 2 were never heard".to_owned()));
    check.good("b", 32);
    assert_eq!(said(&check.good("c", 33)).0, Status::Up);
    let nobody = said(&Watched::new(1).look(30));
    assert_eq!(nobody, (Status::Down, "never heard".to_owned()));
}

#[test]
fn one_instance_alone_speaks_as_a_check_without_instances() {
    let mut check = Watched::with(1, &["a"]);
    check.bye("a", 1);
    let flip = check.look(30).flip.unwrap();
    assert!(matches!(&flip.reason, Reason::Silent { farewell: Some(_), .. }) && flip.to == Status::Down, "{flip:?}");
}

#[test]
fn fewer_expected_end_the_trouble_and_more_have_the_time_of_a_first_beat() {
    let mut check = Watched::with(3, &["a", "b", "c"]);
    check.good("a", 20);
    check.good("b", 20);
    check.look(31);
    assert_eq!(said(&check.expect(2, 32)).0, Status::Up);
    assert_eq!(check.names(), ["a", "b"]);
    check.good("a", 40);
    check.good("b", 40);
    assert_eq!(check.expect(3, 50).flip, None);
    check.good("a", 60);
    check.good("b", 60);
    assert_eq!(check.look(79).flip, None);
    assert_eq!(said(&check.look(80)).0, Status::Poorly);
}

#[test]
fn more_expected_end_no_trouble() {
    let mut check = Watched::with(2, &["a", "b"]);
    check.good("a", 20);
    check.look(31);
    let decision = check.expect(4, 32);
    assert_eq!((decision.flip, decision.state.status), (None, Status::Poorly));
    check.good("b", 33);
    assert_eq!(check.state.status, Status::Poorly, "two are still to come");
}

#[test]
fn one_that_failed_beyond_the_number_has_the_time_of_a_first_beat_when_it_is_expected() {
    let mut check = Watched::with(1, &["a", "b"]);
    for second in 1..=3 {
        assert_eq!(check.bad("b", second).flip, None, "nobody waits for it yet");
    }
    assert_eq!(check.expect(2, 4).flip, None);
    check.good("a", 5);
    check.good("b", 5);
    assert_eq!((check.look(34).flip, check.state.status), (None, Status::Up));
}

#[test]
fn only_a_good_answer_leads_out_of_trouble() {
    let mut check = Watched::with(1, &["a"]);
    assert_eq!(said(&check.exited("a", 1)).0, Status::Down);
    assert_eq!(check.bad("b", 2).flip, None, "another name that does not work either");
    assert_eq!(said(&check.good("b", 3)).0, Status::Up);
}

#[test]
fn a_beat_in_time_that_is_stored_late_takes_the_silence_back() {
    let mut check = Watched::with(2, &["a", "b"]);
    check.good("a", 20);
    check.look(31);
    let decision = check.good("b", 29);
    assert!(decision.is_recorded_late);
    assert_eq!(said(&decision).0, Status::Up);
    check.look(61);
    assert!(!check.good("b", 62).is_recorded_late, "this one came too late");
    let mut first = Watched::new(1);
    first.look(30);
    assert!(first.good("a", 29).is_recorded_late);
}

#[test]
fn a_deadline_that_fell_in_a_blind_time_moves_once() {
    let mut check = Watched::with(2, &["a", "b"]);
    let until = |_: &Check| at(500);
    check.roster = check.roster.forgive(&rule(), at(20), at(400), until).unwrap();
    assert_eq!(check.look(400).flip, None);
    assert_eq!(check.roster.forgive(&rule(), at(20), at(600), |_| at(900)), None);
    let flip = check.look(500).flip.unwrap();
    assert!(flip.to == Status::Down && flip.reason.to_string().contains("blind"), "{}", flip.reason);
    let nobody = Watched::new(1).roster.forgive(&rule(), at(20), at(400), until).unwrap();
    assert_eq!(nobody.look_at(&rule(), now(400)), Some(at(500)));
}

#[test]
fn a_run_of_one_of_them_has_as_long() {
    let mut check = Watched::with(1, &["a"]);
    check.says("a", BeatKind::Start, None, 2);
    assert_eq!(check.roster.members[0].state.deadline(&rule().check), at(22));
    check.roster = check.roster.forgive(&rule(), at(20), at(400), |_| at(500)).unwrap();
    assert_eq!(check.look(499).flip, None);
    assert_eq!(check.look(500).flip.unwrap().reason, Reason::NeverEnded { started: at(2) });
}

#[test]
fn another_period_counts_at_once_for_each_of_them_and_for_whoever_was_never_heard() {
    let slow = Rule { check: Check { schedule: Schedule::Every(Duration::from_secs(1_000)), ..rule().check }, ..rule() };
    let mut check = Watched::with(2, &["a"]);
    let known = check.good("a", 5);
    assert_eq!(check.roster.renewed(&rule(), known.look_at, now(400)), check.roster, "what was missed before is missed");
    let slower = check.roster.renewed(&slow, known.look_at, now(25));
    assert_eq!(slower.look_at(&slow, now(25)), Some(at(1_020)), "a thousand after the beginning, and the grace");
    let faster = slower.renewed(&rule(), Some(at(1_020)), now(500));
    assert_eq!((faster.look_at(&rule(), now(500)), faster.wanted.since), (Some(at(530)), at(500)), "nobody is missed before that");
    assert_eq!(faster.renewed(&rule(), Some(at(530)), now(505)), faster, "nor later for each start");
}

#[test]
fn a_deploy_keeps_them_quiet_and_what_it_replaced_is_forgotten() {
    let mut check = Watched::with(2, &["a", "b"]);
    let quiet = Now { at: at(50), quiet_until: Some(at(100)) };
    let decision = check.roster.look(&rule(), &check.state, quiet);
    assert_eq!((&decision.flip, decision.look_at), (&None, Some(at(100))));
    check.take(decision);
    check.good("c", 90);
    check.good("d", 90);
    let decision = check.look(95);
    assert_eq!((decision.flip, check.names()), (None, vec!["c", "d"]));
}

#[test]
fn each_is_due_as_often_as_it_says_itself() {
    let mut check = Watched::new(1);
    let heard = Heard { kind: BeatKind::Success, health: None, at: at(0), sent_at: at(0), work: None };
    let decision = check.roster.hear(&rule(), &check.state, Sender { name: "a", every_ms: Some(1_000) }, heard, None);
    assert_eq!(check.take(decision).look_at, Some(at(3)));
}
