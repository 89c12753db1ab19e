//! When a check changes its status, and why.
//!
//! [`Check::hear`] and [`Check::look`] are the whole decision: state and moment in, state, flip and the next time to look out.
//! Early and repeated calls do nothing.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::beat::{BeatKind, Health, Showing};
use super::moment::{Moment, humane, millis};
use super::run::Runs;
use super::schedule::Schedule;

pub use super::flip::{Flip, Reason};
pub use super::status::Status;

mod changes;

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
    /// Passes that follow each other faster count as weak: the work runs too often. None: it may run as often as it likes.
    pub apart: Option<Duration>,
}

/// What is known of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The status that was decided last.
    pub status: Status,
    /// Since when it has this status.
    #[serde(with = "millis")]
    pub since: Moment,
    /// When the next beat is due.
    #[serde(with = "millis")]
    pub due: Moment,
    /// The next beat is due as if one had been heard here, where that is later than the last one: it came early and counts for this time of its
    /// schedule, or the schedule or the clock has been another one since.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub due_from: Option<Moment>,
    /// The deadline of the next beat was moved to here, once, because we were blind when it fell.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub forgiven_until: Option<Moment>,
    /// The deadlines of the runs that had begun by then were moved to here, once, because we were blind when they fell.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub runs_forgiven_until: Option<Moment>,
    /// The last beat of success or fail.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub last_heard: Option<Moment>,
    /// Starts that have not ended.
    #[serde(default, skip_serializing_if = "Runs::is_empty")]
    pub runs: Runs,
    /// What the last run took, in milliseconds, where its start was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// It is not due before it was heard once.
    #[serde(default, skip_serializing_if = "is_no")]
    pub waits: bool,
    /// What the last weak answer was weak for: it came too soon after the one before.
    #[serde(default, skip_serializing_if = "is_no")]
    pub too_often: bool,
    /// Answers in a row.
    pub streak: Streak,
    /// What the last answer that was not good said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_words: Option<String>,
    /// What the last *bye* said, until the next beat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub farewell: Option<String>,
}

/// How many answers in a row were of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// Good ones.
    #[serde(default, skip_serializing_if = "is_none")]
    pub good: u32,
    /// Good or slow ones.
    #[serde(default, skip_serializing_if = "is_none")]
    pub passed: u32,
    /// Bad ones.
    #[serde(default, skip_serializing_if = "is_none")]
    pub bad: u32,
    /// Slow or bad ones.
    #[serde(default, skip_serializing_if = "is_none")]
    pub weak: u32,
    /// When the run of weak ones began: its arrival, and the sender's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weak_since: Option<(Moment, Moment)>,
}

fn is_no(yes: &bool) -> bool {
    !yes
}

fn is_none(count: &u32) -> bool {
    *count == 0
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
    /// The run of the work, where its sender names one.
    pub work: Option<Uuid>,
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
            due_from: None,
            forgiven_until: None,
            runs_forgiven_until: None,
            last_heard: None,
            runs: Runs::default(),
            took_ms: None,
            waits: false,
            too_often: false,
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
        let of_beat = self.beat_deadline(check);
        self.run_deadline(check).map_or(of_beat, |of_run| of_run.min(of_beat))
    }

    /// When the next beat is too late.
    fn beat_deadline(&self, check: &Check) -> Moment {
        if self.waits { Moment::from_millis(i64::MAX) } else { (self.due + check.grace).max(self.forgiven_until.unwrap_or_default()) }
    }

    /// When the end of the oldest run is too late.
    fn run_deadline(&self, check: &Check) -> Option<Moment> {
        Some((self.runs.oldest()? + check.grace).max(self.runs_forgiven_until.unwrap_or_default()))
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
                next.runs.start(heard.work, heard.at);
                return self.unchanged(next, quiet_until, heard.at);
            }
            BeatKind::Bye => {
                next.farewell = Some(heard.health.and_then(|health| health.reason.clone()).unwrap_or_else(|| "no reason given".into()));
                return self.unchanged(next, quiet_until, heard.at);
            }
            BeatKind::Success | BeatKind::Fail => {}
        }
        // What arrived before the last one, and is stored after it, takes no time away.
        if state.last_heard.is_none_or(|last| last <= heard.at) {
            next.last_heard = Some(heard.at);
            next.due_from = self.early_for(state, heard.at).or(state.due_from).filter(|from| *from > heard.at);
            next.due = self.due(&next);
        }
        next.forgiven_until = None;
        next.farewell = None;
        next.waits = false;
        self.end_run(&mut next, heard);
        let too_soon = self.too_soon(state, heard);
        let showing = match (heard.kind, heard.health.map(|health| health.showing)) {
            (BeatKind::Fail, None | Some(Showing::Good | Showing::Slow)) => Showing::Bad,
            (_, None | Some(Showing::Good)) if too_soon.is_some() => Showing::Slow,
            (_, showing) => showing.unwrap_or(Showing::Good),
        };
        next.streak.count(showing, self.fall, heard);
        if showing != Showing::Good {
            next.too_often = too_soon.is_some();
            next.last_words = too_soon.or_else(|| heard.health.and_then(|health| health.reason.clone()));
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
        let is_of_run = state.run_deadline(self).is_some_and(|of_run| of_run <= state.beat_deadline(self));
        let reason = match state.runs.oldest() {
            Some(started) if is_of_run => {
                next.runs.forget(now - self.grace);
                next.runs_forgiven_until = None;
                Reason::NeverEnded { started }
            }
            Some(_) | None => {
                Reason::Silent { last_heard: state.last_heard, farewell: state.farewell.clone(), forgiven: state.forgiven_until.is_some() }
            }
        };
        next.status = Status::Down;
        next.since = deadline;
        next.streak = Streak::default();
        let flip = Flip { from: state.status, to: Status::Down, at: deadline, since: deadline, key_at: deadline, reason };
        Decision { state: next, flip: Some(flip), look_at: None }
    }

    /// When the next beat is due: after the last one, or since it is expected.
    fn due(&self, state: &State) -> Moment {
        let last = state.last_heard.unwrap_or(state.since);
        self.schedule.next(state.due_from.map_or(last, |from| from.max(last)))
    }

    /// From here on the next beat is due, and up to here none.
    pub(super) fn ask_from(&self, state: &mut State, from: Moment) {
        state.due_from = Some(from);
        state.due = self.due(state);
    }

    /// For which time of its schedule a beat counts that comes up to 3 s early.
    pub(super) fn early_for(&self, state: &State, at: Moment) -> Option<Moment> {
        const EARLY: Duration = Duration::from_secs(3);
        match self.schedule {
            Schedule::Every(_) => None,
            Schedule::Cron(_) | Schedule::Calendar(_) => (at < state.due && state.due.since(at) <= EARLY).then_some(state.due),
        }
    }

    /// The run has ended; whichever has had its time while the check was down is part of that trouble.
    fn end_run(&self, next: &mut State, heard: Heard<'_>) {
        let took = next.runs.took(heard.work, heard.at);
        next.took_ms = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        next.runs.end(heard.work);
        if next.status == Status::Down {
            next.runs.forget(heard.at - self.grace);
        }
        // To whichever of them a promise was made, it is kept.
        let oldest = next.runs.oldest().map(|started| started + self.grace);
        next.runs_forgiven_until = next.runs_forgiven_until.filter(|until| oldest.is_some_and(|deadline| deadline < *until));
    }

    /// What is wrong with a success that comes too soon after another one.
    fn too_soon(&self, state: &State, heard: Heard<'_>) -> Option<String> {
        let (apart, last) = (self.apart?, state.last_heard?);
        let passed = heard.at.since(last);
        // After a bad answer, the next try is welcome.
        (heard.kind == BeatKind::Success && state.streak.bad == 0 && passed < apart)
            .then(|| format!("came {} after the one before, and {} at least belong between two", humane(passed), humane(apart)))
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
            Status::Poorly if next.too_often => Reason::TooOften { what },
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
            // The quiet has ended, and nobody has looked since.
            None if self.judge(state, None, now) != state.status => Some(now),
            None => Some(deadline),
        }
    }

    /// This check for a sender that says itself how often it beats, in milliseconds; its grace is two such periods.
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
mod properties;
#[cfg(test)]
mod tests;
