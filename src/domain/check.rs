//! When a check changes its status, and why.
//!
//! [`Check::hear`] and [`Check::look`] are the whole decision: state and moment in, state, flip and the next time to look out.
//! Early and repeated calls do nothing.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::beat::{BeatKind, Health, Showing};
use super::moment::{Moment, humane};
use super::schedule::Schedule;

pub use super::flip::{Flip, Reason};
pub use super::status::Status;

/// What is expected.
#[derive(Debug, Clone)]
pub struct Check {
    /// When a beat is due after the last one.
    pub schedule: Schedule,
    /// How long past due before the check is down.
    pub grace: Duration,
    /// Passes in a row that end a down. From *new*, one is enough.
    pub rise: u32,
    /// Bad answers in a row that make a down.
    pub fall: u32,
}

/// What is known of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The status that was decided last.
    pub status: Status,
    /// Since when it has this status.
    pub since: Moment,
    /// When the next beat is due.
    pub due: Moment,
    /// The deadline was moved to here, once, because we were blind when it fell.
    pub forgiven_until: Option<Moment>,
    /// The last beat of success or fail.
    pub last_heard: Option<Moment>,
    /// A start that has not ended.
    pub started: Option<Moment>,
    /// Answers in a row.
    pub streak: Streak,
    /// What the last answer that was not good said.
    pub last_words: Option<String>,
    /// What the last *bye* said, until the next beat.
    pub farewell: Option<String>,
}

/// How many answers in a row were of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// Good ones.
    pub good: u32,
    /// Good or slow ones.
    pub passed: u32,
    /// Bad ones.
    pub bad: u32,
    /// Slow or bad ones.
    pub weak: u32,
    /// When the run of weak ones began: its arrival, and the sender's word for it.
    pub weak_since: Option<(Moment, Moment)>,
}

/// One beat, as far as deciding goes.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// What it says.
    pub kind: BeatKind,
    /// What the work found.
    pub health: Option<&'a Health>,
    /// When it arrived, by our clock.
    pub at: Moment,
    /// The sender's clock.
    pub sent_at: Moment,
}

/// What comes out of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The check's state from now on.
    pub state: State,
    /// The change of status, if there was one.
    pub flip: Option<Flip>,
    /// When to look again without having heard anything. None: only a beat can change it.
    pub look_at: Option<Moment>,
}

impl State {
    /// A check that was made at `now` and has not been heard: due from its creation.
    #[must_use]
    pub fn new(check: &Check, now: Moment) -> Self {
        Self {
            status: Status::New,
            since: now,
            due: check.schedule.next(now),
            forgiven_until: None,
            last_heard: None,
            started: None,
            streak: Streak::default(),
            last_words: None,
            farewell: None,
        }
    }

    /// The status that people see: *late* is *up* past its due time.
    #[must_use]
    pub fn shown(&self, now: Moment) -> Status {
        if self.status == Status::Up && now > self.due { Status::Late } else { self.status }
    }

    /// When silence makes the check go down.
    #[must_use]
    pub fn deadline(&self, check: &Check) -> Moment {
        let promised = (self.due + check.grace).max(self.forgiven_until.unwrap_or_default());
        self.started.map_or(promised, |started| promised.min(started + check.grace))
    }
}

impl Check {
    /// Decides on a beat. `quiet_until`: the deadline of a deploy that replaces this check's colour.
    #[must_use]
    pub fn hear(&self, state: &State, heard: Heard<'_>, quiet_until: Option<Moment>) -> Decision {
        let mut next = state.clone();
        match heard.kind {
            BeatKind::Log => return self.unchanged(next, quiet_until, heard.at),
            BeatKind::Start => {
                next.started = Some(heard.at);
                return self.unchanged(next, quiet_until, heard.at);
            }
            BeatKind::Bye => {
                next.farewell = Some(heard.health.and_then(|health| health.reason.clone()).unwrap_or_else(|| "no reason given".into()));
                return self.unchanged(next, quiet_until, heard.at);
            }
            BeatKind::Success | BeatKind::Fail => {}
        }
        next.last_heard = Some(heard.at);
        next.due = self.due_after(state, heard.at);
        next.forgiven_until = None;
        next.started = None;
        next.farewell = None;
        let showing = match (heard.kind, heard.health.map(|health| health.showing)) {
            (BeatKind::Fail, None | Some(Showing::Good | Showing::Slow)) => Showing::Bad,
            (_, showing) => showing.unwrap_or(Showing::Good),
        };
        next.streak.count(showing, self.fall, heard);
        if showing != Showing::Good {
            next.last_words = heard.health.and_then(|health| health.reason.clone());
        }
        let judged = self.judge(&next, quiet_until, heard.at);
        let mut decision = self.flip(next, judged, heard.at, quiet_until);
        if let (Showing::Exited, Some(Flip { reason: Reason::Failing { times, .. }, .. })) = (showing, &mut decision.flip) {
            // It counts at once, and has ended once.
            *times = 1;
        }
        decision
    }

    /// Decides on silence.
    #[must_use]
    pub fn look(&self, state: &State, now: Moment, quiet_until: Option<Moment>) -> Decision {
        let deadline = state.deadline(self).max(quiet_until.unwrap_or_default());
        if state.status == Status::Down {
            return self.unchanged(state.clone(), quiet_until, now);
        }
        if now < deadline {
            let judged = self.judge(state, quiet_until, now);
            return self.flip(state.clone(), judged, now, quiet_until);
        }
        let mut next = state.clone();
        let reason = match state.started {
            Some(started) if deadline == started + self.grace => Reason::NeverEnded { started },
            _ => {
                Reason::Silent { last_heard: state.last_heard, farewell: state.farewell.clone(), forgiven: state.forgiven_until.is_some() }
            }
        };
        next.status = Status::Down;
        next.since = deadline;
        next.streak = Streak::default();
        let flip = Flip { from: state.status, to: Status::Down, at: deadline, since: deadline, key_at: deadline, reason };
        Decision { state: next, flip: Some(flip), look_at: None }
    }

    /// Moves a deadline that fell while we were blind, once: to `until`. A deadline that has been moved stays.
    #[must_use]
    pub fn forgive(&self, state: &State, until: Moment) -> State {
        let mut next = state.clone();
        if next.status != Status::Down && next.forgiven_until.is_none() {
            next.forgiven_until = Some(until);
        }
        next
    }

    /// A beat that comes up to 3 s early counts for its slot.
    fn due_after(&self, state: &State, at: Moment) -> Moment {
        const EARLY: Duration = Duration::from_secs(3);
        match self.schedule {
            Schedule::Cron(_) | Schedule::Calendar(_) if at < state.due && state.due.since(at) <= EARLY => self.schedule.next(state.due),
            Schedule::Every(_) | Schedule::Cron(_) | Schedule::Calendar(_) => self.schedule.next(at),
        }
    }

    fn judge(&self, state: &State, quiet_until: Option<Moment>, now: Moment) -> Status {
        let streak = &state.streak;
        let quiet = quiet_until.is_some_and(|until| now < until);
        match state.status {
            Status::Down if streak.passed < self.rise => Status::Down,
            Status::Down | Status::Poorly if streak.good >= self.rise => Status::Up,
            Status::Poorly if streak.bad >= self.fall => Status::Down,
            Status::Down | Status::Poorly => Status::Poorly,
            Status::New | Status::Up | Status::Late | Status::Failing | Status::Stopped | Status::Paused => match streak {
                _ if streak.bad >= self.fall && !quiet => Status::Down,
                _ if streak.weak >= self.fall && !quiet => Status::Poorly,
                _ if streak.weak > 0 => Status::Failing,
                _ if streak.good > 0 => Status::Up,
                _ => state.status,
            },
        }
    }

    fn flip(&self, mut next: State, to: Status, at: Moment, quiet_until: Option<Moment>) -> Decision {
        let from = next.status;
        if from == to {
            return self.unchanged(next, quiet_until, at);
        }
        let (since, key_at) = if to == Status::Up { (at, at) } else { next.streak.weak_since.unwrap_or((at, at)) };
        let what = next.last_words.clone().unwrap_or_else(|| "said fail".into());
        let reason = match to {
            Status::Up | Status::New | Status::Late | Status::Stopped | Status::Paused => Reason::Recovered,
            Status::Poorly => Reason::Slow { what },
            Status::Failing | Status::Down => Reason::Failing { what, times: next.streak.bad.max(1) },
        };
        next.status = to;
        next.since = since;
        let mut decision = self.unchanged(next, quiet_until, at);
        decision.flip = Some(Flip { from, to, at, since, key_at, reason });
        decision
    }

    fn unchanged(&self, state: State, quiet_until: Option<Moment>, now: Moment) -> Decision {
        let look_at = self.look_at(&state, quiet_until, now);
        Decision { state, flip: None, look_at }
    }

    /// When to look again without having heard anything. None: only a beat can change it.
    #[must_use]
    pub fn look_at(&self, state: &State, quiet_until: Option<Moment>, now: Moment) -> Option<Moment> {
        let deadline = state.deadline(self);
        match quiet_until.filter(|until| now < *until) {
            _ if state.status == Status::Down => None,
            Some(until) if state.status == Status::Failing => Some(until),
            Some(until) => Some(deadline.max(until)),
            None => Some(deadline),
        }
    }

    /// The same check for a sender that says itself how often it beats, in milliseconds; its grace is two such periods.
    #[must_use]
    pub fn at_pace(&self, every_ms: Option<u64>) -> Self {
        const LONGEST_MS: u64 = 86_400_000;
        let Some(every_ms) = every_ms else { return self.clone() };
        let period = Duration::from_millis(every_ms.clamp(1, LONGEST_MS));
        Self { schedule: Schedule::Every(period), grace: period * 2, ..self.clone() }
    }
}

impl Streak {
    fn count(&mut self, showing: Showing, fall: u32, heard: Heard<'_>) {
        let next = |count: u32, counts: bool| if counts { count.saturating_add(1) } else { 0 };
        let bad = matches!(showing, Showing::Bad | Showing::Exited);
        self.good = next(self.good, showing == Showing::Good);
        self.passed = next(self.passed, !bad);
        self.bad = next(self.bad, bad);
        self.weak = next(self.weak, showing != Showing::Good);
        if showing == Showing::Exited {
            self.bad = self.bad.max(fall);
            self.weak = self.weak.max(fall);
        }
        self.weak_since = match self.weak {
            0 => None,
            _ => self.weak_since.or(Some((heard.at, heard.health.and_then(|health| health.since).unwrap_or(heard.sent_at)))),
        };
    }
}

/// `due every 5s, 10s of grace`.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "due {}, {} of grace", self.schedule, humane(self.grace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);
    const GRACE: Duration = Duration::from_secs(30);

    fn check() -> Check {
        Check { schedule: Schedule::Every(PERIOD), grace: GRACE, rise: 2, fall: 3 }
    }

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn heard(kind: BeatKind, seconds: i64) -> Heard<'static> {
        Heard { kind, health: None, at: at(seconds), sent_at: at(seconds) }
    }

    fn after(beats: &[(BeatKind, i64)]) -> State {
        beats.iter().fold(State::new(&check(), at(0)), |state, (kind, seconds)| check().hear(&state, heard(*kind, *seconds), None).state)
    }

    fn showing(state: &State, showing: Showing, seconds: i64) -> Decision {
        let health = Health { showing, latency_ms: None, reason: Some("why".into()), since: None, told: Vec::new() };
        let kind = if showing == Showing::Good || showing == Showing::Slow { BeatKind::Success } else { BeatKind::Fail };
        check().hear(state, Heard { kind, health: Some(&health), at: at(seconds), sent_at: at(seconds) }, None)
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
}
