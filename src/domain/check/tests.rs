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
    let moved = check().forgive(&state, at(500));
    assert_eq!(moved.deadline(&check()), at(500));
    assert_eq!(check().forgive(&moved, at(900)).deadline(&check()), at(500));
    let flip = check().look(&moved, at(500), None).flip.unwrap();
    assert!(flip.reason.to_string().contains("blind"), "{}", flip.reason);
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
