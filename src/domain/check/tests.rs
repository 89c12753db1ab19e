use super::*;

const PERIOD: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(30);

fn check() -> Check {
    Check { schedule: Schedule::Every(PERIOD), grace: GRACE, rise: 2, fall: 3, apart: None }
}

fn at(seconds: i64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

fn heard(kind: BeatKind, seconds: i64) -> Heard<'static> {
    Heard { kind, health: None, at: at(seconds), sent_at: at(seconds), work: None }
}

fn after(beats: &[(BeatKind, i64)]) -> State {
    beats.iter().fold(State::new(&check(), at(0)), |state, (kind, seconds)| check().hear(&state, heard(*kind, *seconds), None).state)
}

fn showing(state: &State, showing: Showing, seconds: i64) -> Decision {
    let health = Health { showing, latency_ms: None, reason: Some("why".into()), since: None, told: Vec::new() };
    let kind = if showing == Showing::Good || showing == Showing::Slow { BeatKind::Success } else { BeatKind::Fail };
    check().hear(state, Heard { kind, health: Some(&health), at: at(seconds), sent_at: at(seconds), work: None }, None)
}

#[test]
fn a_beat_before_its_deadline_never_goes_down() {
    let state = after(&[(BeatKind::Success, 10)]);
    assert_eq!(check().look(&state, at(99), None).flip, None);
    assert_eq!(state.shown(at(99)), Status::Late);
}

#[test]
fn silence_is_dated_by_its_deadline_and_not_by_its_discovery() {
    let state = after(&[(BeatKind::Success, 10)]);
    let decision = check().look(&state, at(5_000), None);
    let flip = decision.flip.unwrap();
    assert_eq!((flip.from, flip.to, flip.at), (Status::Up, Status::Down, at(100)));
    assert_eq!(check().look(&decision.state, at(6_000), None).flip, None, "a repeated look does nothing");
}

#[test]
fn a_beat_three_seconds_early_counts_for_its_slot() {
    let hourly = Check { schedule: Schedule::parse("0 * * * *", "UTC").unwrap(), ..check() };
    let due = |seconds: i64| {
        let state = hourly.hear(&State::new(&hourly, at(60)), heard(BeatKind::Success, 3_600), None).state;
        hourly.hear(&state, heard(BeatKind::Success, seconds), None).state.due
    };
    assert_eq!(due(7_197), at(10_800), "for two o'clock: the next is due at three");
    assert_eq!(due(7_196), at(7_200), "too early for it");
    assert_eq!(due(7_205), at(10_800));
}

#[test]
fn a_second_beat_before_a_slot_that_one_has_counted_for_asks_for_no_third() {
    let hourly = Check { schedule: Schedule::parse("0 * * * *", "UTC").unwrap(), ..check() };
    let mut state = State::new(&hourly, at(3_600));
    for second in [7_197, 7_199, 7_201] {
        state = hourly.hear(&state, heard(BeatKind::Success, second), None).state;
        assert_eq!(state.due, at(10_800), "after {second} s");
        assert_eq!(hourly.renewed(&state, at(second + 1)), state, "nor does a start after {second} s");
    }
}

#[test]
fn another_schedule_counts_at_once_and_what_would_be_missed_by_it_alone_is_due_from_now() {
    const NOON: i64 = 12 * 3_600;
    const DAY: i64 = 24 * 3_600;
    let daily = |hour: i64| Check { schedule: Schedule::parse(&format!("0 {hour} * * *"), "UTC").unwrap(), ..check() };
    let every = |seconds: u64| Check { schedule: Schedule::Every(Duration::from_secs(seconds)), ..check() };
    let at_three = heard(BeatKind::Success, 3 * 3_600 + 1);
    let nightly = daily(3).hear(&State::new(&daily(3), at(0)), at_three, None).state;
    assert_eq!(daily(5).renewed(&nightly, at(NOON)).due, at(DAY + 5 * 3_600), "no slot of today was promised");
    assert_eq!(daily(5).renewed(&nightly, at(4 * 3_600)).due, at(5 * 3_600), "and this one is");
    let seldom = every(86_400).hear(&State::new(&every(86_400), at(0)), at_three, None).state;
    let often = every(300).renewed(&seldom, at(NOON));
    assert_eq!(often.due, at(NOON + 300), "it is told as soon as it can be");
    assert_eq!(every(300).renewed(&often, at(NOON + 200)), often, "and not later for each start");
    let late = after(&[(BeatKind::Success, 10)]);
    assert_eq!(every(30).renewed(&late, at(80)).due, at(70), "it had missed this one before");
    assert_eq!(every(600).renewed(&late, at(80)).due, at(610));
    let silent = check().look(&State::new(&check(), at(0)), at(90), None).state;
    assert_eq!(every(600).renewed(&silent, at(91)), silent, "what is down is due when it was heard");
}

#[test]
fn what_waited_for_its_first_beat_is_due_from_now_when_it_is_expected() {
    let waits = State { waits: true, ..State::new(&check(), at(0)) };
    let state = check().renewed(&waits, at(1_000));
    assert_eq!((state.waits, state.deadline(&check())), (false, at(1_090)));
    assert_eq!(check().renewed(&state, at(1_050)), state);
    let flip = check().look(&state, at(1_090), None).flip.unwrap();
    assert_eq!((flip.at, flip.reason.to_string().as_str()), (at(1_090), "never heard"));
}

#[test]
fn another_schedule_breaks_no_promise_and_needs_none_for_another_deadline() {
    let state = check().forgive(&after(&[(BeatKind::Success, 10)]), at(400), at(500));
    let slow = Check { schedule: Schedule::Every(PERIOD * 2), ..check() };
    assert_eq!(slow.renewed(&state, at(401)).deadline(&slow), at(500));
    let seldom = Check { schedule: Schedule::Every(PERIOD * 60), ..check() };
    let renewed = seldom.renewed(&state, at(401));
    assert_eq!(renewed.deadline(&seldom), at(3_640));
    assert_eq!(seldom.forgive(&renewed, at(4_000), at(4_100)).deadline(&seldom), at(4_100), "this one was never moved");
}

#[test]
fn a_check_that_was_never_heard_goes_down() {
    let flip = check().look(&State::new(&check(), at(0)), at(90), None).flip.unwrap();
    assert_eq!(flip.reason.to_string(), "never heard");
}

#[test]
fn bye_gives_the_reason_and_lowers_nothing() {
    let state = after(&[(BeatKind::Success, 10), (BeatKind::Bye, 20)]);
    assert_eq!(state.deadline(&check()), at(100));
    let flip = check().look(&state, at(100), None).flip.unwrap();
    assert!(flip.reason.to_string().contains("said bye"), "{}", flip.reason);
}

#[test]
fn a_start_never_extends_a_deadline_and_alarms_without_an_end() {
    let state = after(&[(BeatKind::Success, 10), (BeatKind::Start, 20)]);
    let flip = check().look(&state, at(50), None).flip.unwrap();
    assert_eq!(flip.reason, Reason::NeverEnded { started: at(20) });
    let quiet = check().look(&state, at(70), Some(at(60))).flip.unwrap();
    assert_eq!((quiet.at, quiet.reason), (at(60), Reason::NeverEnded { started: at(20) }), "also when a deploy was quiet until then");
    let late_start = after(&[(BeatKind::Success, 10), (BeatKind::Start, 95)]);
    assert_eq!(late_start.deadline(&check()), at(100));
}

#[test]
fn it_falls_after_fall_and_rises_after_rise() {
    let mut state = after(&[(BeatKind::Success, 1)]);
    let mut seen = Vec::new();
    for (second, kind) in [(2, Showing::Bad), (3, Showing::Bad), (4, Showing::Bad), (5, Showing::Good), (6, Showing::Good)] {
        let decision = showing(&state, kind, second);
        state = decision.state;
        seen.push(state.status);
        if second == 4 {
            let flip = decision.flip.unwrap();
            assert_eq!((flip.since, flip.at), (at(2), at(4)));
        }
    }
    assert_eq!(seen, [Status::Failing, Status::Failing, Status::Down, Status::Down, Status::Up]);
}

#[test]
fn slow_answers_make_it_poorly_and_bad_ones_then_down() {
    let mut state = after(&[(BeatKind::Success, 1)]);
    let mut seen = Vec::new();
    let shows = [Showing::Slow, Showing::Slow, Showing::Slow, Showing::Bad, Showing::Bad, Showing::Bad, Showing::Slow, Showing::Slow];
    for (second, kind) in (2..).zip(shows) {
        state = showing(&state, kind, second).state;
        seen.push(state.status);
    }
    use Status::{Down, Failing, Poorly};
    assert_eq!(seen, [Failing, Failing, Poorly, Poorly, Poorly, Down, Down, Poorly]);
}

#[test]
fn an_unexpected_exit_counts_at_once() {
    let state = after(&[(BeatKind::Success, 1)]);
    assert_eq!(showing(&state, Showing::Exited, 2).state.status, Status::Down);
}

#[test]
fn a_deploy_is_quiet_until_its_own_deadline_and_no_longer() {
    let state = after(&[(BeatKind::Success, 10)]);
    let quiet = Some(at(200));
    let held = check().look(&state, at(150), quiet);
    assert_eq!((held.flip, held.look_at), (None, Some(at(200))));
    assert_eq!(check().look(&state, at(200), quiet).flip.unwrap().at, at(200));
    let mut failing = state;
    for second in 20..25 {
        failing = check().hear(&failing, heard(BeatKind::Fail, second), quiet).state;
    }
    assert_eq!(failing.status, Status::Failing);
    assert_eq!(check().look(&failing, at(200), None).flip.unwrap().to, Status::Down);
}

#[test]
fn a_deadline_that_fell_in_a_blind_time_moves_once() {
    let state = after(&[(BeatKind::Success, 10)]);
    let moved = check().forgive(&state, at(400), at(500));
    assert_eq!(moved.deadline(&check()), at(500));
    assert_eq!(check().forgive(&moved, at(600), at(900)).deadline(&check()), at(500));
    let flip = check().look(&moved, at(500), None).flip.unwrap();
    assert!(flip.reason.to_string().contains("blind"), "{}", flip.reason);
}

#[test]
fn the_deadline_of_a_run_that_fell_in_a_blind_time_moves_once_too() {
    let state = after(&[(BeatKind::Success, 10), (BeatKind::Start, 20)]);
    let moved = check().forgive(&state, at(400), at(500));
    assert_eq!((moved.deadline(&check()), check().look(&moved, at(499), None).flip), (at(500), None));
    let flip = check().look(&moved, at(500), None).flip.unwrap();
    assert_eq!((flip.at, flip.reason), (at(500), Reason::NeverEnded { started: at(20) }));
    assert_eq!(check().forgive(&moved, at(600), at(900)), moved, "and not twice");
    let ended = check().hear(&moved, heard(BeatKind::Success, 405), None).state;
    assert_eq!((ended.deadline(&check()), ended.runs_forgiven_until), (at(495), None), "nothing is left of it");
    let alone = check().forgive(&state, at(60), at(90));
    assert_eq!((alone.deadline(&check()), alone.forgiven_until), (at(90), None), "the next beat is not due yet, and needs no pardon");
}

#[test]
fn what_was_promised_to_a_run_is_kept_when_another_ends_and_delays_nothing_else() {
    let work = |number| Some(uuid::Uuid::from_u128(number));
    let says = |state: &State, kind, work, seconds| check().hear(state, Heard { work, ..heard(kind, seconds) }, None).state;
    let state = says(&after(&[(BeatKind::Success, 10)]), BeatKind::Start, work(1), 20);
    let state = check().forgive(&says(&state, BeatKind::Start, work(2), 30), at(400), at(500));
    let ended = says(&state, BeatKind::Success, work(2), 401);
    let silent = check().look(&ended, at(491), None).flip.unwrap();
    assert!(matches!(silent.reason, Reason::Silent { forgiven: false, .. }) && silent.at == at(491), "{silent:?}");
    let beats = says(&ended, BeatKind::Success, work(3), 450);
    let flip = check().look(&beats, at(500), None).flip.unwrap();
    assert_eq!((flip.at, flip.reason), (at(500), Reason::NeverEnded { started: at(20) }));
}

#[test]
fn every_run_that_never_ends_alarms_by_itself() {
    let work = |number| Some(uuid::Uuid::from_u128(number));
    let says = |state: &State, kind, work, seconds| check().hear(state, Heard { work, ..heard(kind, seconds) }, None);
    let state = after(&[(BeatKind::Success, 10)]);
    let state = says(&state, BeatKind::Start, work(1), 20).state;
    let state = says(&state, BeatKind::Start, work(2), 21).state;
    let decision = says(&state, BeatKind::Success, work(2), 25);
    assert_eq!(decision.state.took_ms, Some(4_000));
    let flip = check().look(&decision.state, at(50), None).flip.unwrap();
    assert_eq!(flip.reason, Reason::NeverEnded { started: at(20) }, "the other run's end is not this one's");
    let down = check().look(&decision.state, at(50), None).state;
    let up = check().hear(&check().hear(&down, heard(BeatKind::Success, 60), None).state, heard(BeatKind::Success, 61), None).state;
    assert_eq!((up.status, up.deadline(&check())), (Status::Up, at(151)), "what was told is over");
}

#[test]
fn a_job_that_runs_far_too_often_is_poorly() {
    let check = Check { apart: Some(Duration::from_secs(30)), ..check() };
    let hear = |state: &State, kind, seconds| check.hear(state, heard(kind, seconds), None);
    let mut state = hear(&State::new(&check, at(0)), BeatKind::Success, 1).state;
    assert_eq!(hear(&state, BeatKind::Success, 31).state.status, Status::Up);
    for second in [2, 3] {
        state = hear(&state, BeatKind::Success, second).state;
        assert_eq!(state.status, Status::Failing);
    }
    let flip = hear(&state, BeatKind::Success, 4).flip.unwrap();
    assert_eq!(flip.to, Status::Poorly);
    assert_eq!(flip.reason.to_string(), "too often: came 1s after the one before, and 30s at least belong between two");
    let failed = hear(&hear(&State::new(&check, at(0)), BeatKind::Fail, 1).state, BeatKind::Success, 2).state;
    assert_eq!(failed.status, Status::Up, "after a bad one the next try is welcome");
}

#[test]
fn a_check_that_waits_is_not_due_before_it_was_heard_but_its_start_must_end() {
    let state = State { waits: true, ..State::new(&check(), at(0)) };
    assert_eq!(check().look(&state, at(1_000_000), None).flip, None);
    let started = check().hear(&state, heard(BeatKind::Start, 20), None);
    assert_eq!(started.look_at, Some(at(50)));
    let heard_once = check().hear(&state, heard(BeatKind::Success, 20), None).state;
    assert_eq!(heard_once.deadline(&check()), at(110));
}

#[test]
fn what_failed_while_it_was_quiet_is_looked_at_though_a_start_comes_first() {
    let quiet = Some(at(100));
    let mut state = after(&[(BeatKind::Success, 10)]);
    for second in [20, 21, 22] {
        state = check().hear(&state, heard(BeatKind::Fail, second), quiet).state;
    }
    let started = check().hear(&state, heard(BeatKind::Start, 101), quiet);
    assert_eq!((started.state.status, started.look_at), (Status::Failing, Some(at(101))), "and not at the deadline");
    assert_eq!(check().look(&started.state, at(101), quiet).flip.unwrap().to, Status::Down);
}
