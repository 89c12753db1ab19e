//! What the instances of a check make of it.
//!
//! Enough of them well: up. Fewer, but some: poorly, naming who is not and why. None: down. Which instances they are does not matter: one
//! that is gone and has been replaced is forgotten, and more than are expected are welcome. *Bye* gives the reason and lowers nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::check::{Check, Heard, State, Streak};
use super::flip::{Absent, Flip, Reason};
use super::instance::Instance;
use super::moment::Moment;
use super::run::Runs;
use super::status::Status;

/// How many instances are expected, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// So many.
    pub count: u32,
    /// Since when it is so many: whoever was never heard is due from then on.
    pub since: Moment,
    /// The deadline of those who were never heard was moved to here, once, because we were blind when it fell.
    pub forgiven_until: Option<Moment>,
    /// That deadline has passed.
    pub is_expired: bool,
}

/// The instances of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// How many are expected.
    pub wanted: Wanted,
    /// Those that were heard and not forgotten.
    pub members: Vec<Instance>,
}

/// What is expected of each instance.
#[derive(Debug, Clone)]
pub struct Rule {
    /// When a beat is due.
    pub check: Check,
    /// Each is due as often as it says itself.
    pub at_own_pace: bool,
}

/// When a decision is made.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The moment.
    pub at: Moment,
    /// The deadline of a deploy that replaces the instances.
    pub quiet_until: Option<Moment>,
}

/// Who sent a beat.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The instance's name.
    pub name: &'a str,
    /// How often it says that it beats, in milliseconds.
    pub every_ms: Option<u64>,
}

/// What comes out of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterDecision {
    /// The instances from now on.
    pub roster: Roster,
    /// The check's own state from now on.
    pub state: State,
    /// The change of the check's status, if there was one.
    pub flip: Option<Flip>,
    /// In trouble as before, and for another reason.
    pub rewording: Option<Rewording>,
    /// When to look again. None: only a beat can change it.
    pub look_at: Option<Moment>,
    /// The trouble that this ends never was: the beat had arrived in time.
    pub is_recorded_late: bool,
}

/// A trouble that goes on has another reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewording {
    /// The reason now.
    pub reason: Reason,
    /// Since when one more instance is not well; none where fewer are.
    pub worse_since: Option<Moment>,
}

/// What has happened, by its dates.
#[derive(Debug, Clone, Default)]
struct Events(Vec<Dates>);

#[derive(Debug, Clone, Copy)]
struct Dates {
    at: Moment,
    since: Moment,
    key_at: Moment,
}

impl Wanted {
    /// So many, from `now` on.
    #[must_use]
    pub fn new(count: u32, now: Moment) -> Self {
        Self { count, since: now, forgiven_until: None, is_expired: false }
    }

    /// When whoever was never heard is missing.
    fn deadline(&self, check: &Check) -> Moment {
        (check.schedule.next(self.since) + check.grace).max(self.forgiven_until.unwrap_or_default())
    }
}

impl Rule {
    /// What is expected of one that says itself how often it beats, in milliseconds.
    pub(super) fn of(&self, every_ms: Option<u64>) -> Check {
        if self.at_own_pace { self.check.at_pace(every_ms) } else { self.check.clone() }
    }
}

impl Roster {
    /// Nobody yet.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, members: Vec::new() }
    }

    /// Decides on a beat of one of them. `state` is the check's own.
    #[must_use]
    pub fn hear(&self, rule: &Rule, state: &State, sender: Sender<'_>, heard: Heard<'_>, quiet_until: Option<Moment>) -> RosterDecision {
        use super::beat::BeatKind::{Bye, Fail, Log, Start, Success};
        let now = Now { at: heard.at, quiet_until };
        let mut next = self.clone();
        let known = next.members.iter().position(|member| member.name == sender.name);
        let position = match (known, heard.kind) {
            (Some(position), _) => position,
            // Who begins with its last words, or with a note, is nobody to wait for.
            (None, Log | Bye) => return next.settle(self, rule, state, now, &Events::default()),
            (None, Start | Success | Fail) => {
                next.members.push(Instance::new(sender.name, &rule.of(sender.every_ms), heard.at));
                next.members.len() - 1
            }
        };
        let mut events = Events::default();
        let is_first = known.is_none() && heard.at < self.wanted.deadline(&rule.check);
        let mut is_late = is_first && self.wanted.is_expired && heard.kind != Start;
        if let Some(member) = next.members.get_mut(position) {
            member.every_ms = sender.every_ms.or(member.every_ms);
            is_late |= member.recall(heard);
            let check = rule.of(member.every_ms);
            events.add(member.hear(&check, heard, quiet_until).as_ref());
        }
        let mut decision = next.settle(self, rule, state, now, &events);
        decision.is_recorded_late = is_late && state.status.is_trouble() && !decision.state.status.is_trouble();
        decision
    }

    /// Decides on silence.
    #[must_use]
    pub fn look(&self, rule: &Rule, state: &State, now: Now) -> RosterDecision {
        let mut next = self.clone();
        let mut events = Events::default();
        for member in &mut next.members {
            let check = rule.of(member.every_ms);
            events.add(member.look(&check, now.at, now.quiet_until).as_ref());
        }
        let deadline = self.first_deadline(rule, now.quiet_until);
        if next.unheard() > 0 && !next.wanted.is_expired && now.at >= deadline {
            next.wanted.is_expired = true;
            events.0.push(Dates { at: deadline, since: deadline, key_at: deadline });
        }
        next.settle(self, rule, state, now, &events)
    }

    /// Expects so many from `now` on.
    #[must_use]
    pub fn expect(&self, rule: &Rule, state: &State, count: u32, now: Now) -> RosterDecision {
        let mut next = self.clone();
        if count > next.wanted.count {
            next.wanted = Wanted::new(count, now.at);
            // What fails was one too many so far, or is told already: it has the time of one that is new.
            for member in next.members.iter_mut().filter(|member| member.state.status == Status::Down && !member.is_gone) {
                let every_ms = member.every_ms;
                *member = Instance { every_ms, ..Instance::new(&member.name, &rule.of(every_ms), now.at) };
            }
        } else {
            next.wanted.count = count;
        }
        next.settle(self, rule, state, now, &Events::default())
    }

    /// These instances, where `rule` is expected of each from now on; so far they were to be looked at at `look_at`. Another schedule counts at once,
    /// and what would be missed by it alone is due once more. Where the same is expected as before, nothing changes.
    #[must_use]
    pub fn renewed(&self, rule: &Rule, look_at: Option<Moment>, now: Now) -> Self {
        let mut next = self.clone();
        for member in &mut next.members {
            member.state = rule.of(member.every_ms).renewed(&member.state, now.at);
        }
        let deadline = self.first_deadline(rule, now.quiet_until);
        // Nothing is looked at after its deadline: so far, this one lay further ahead.
        let is_by_it_alone = deadline <= now.at && look_at.is_some_and(|look_at| deadline < look_at);
        if self.unheard() > 0 && !self.wanted.is_expired && is_by_it_alone {
            next.wanted = Wanted::new(self.wanted.count, now.at);
        }
        next
    }

    /// Moves what fell due after `after` and up to `now`, once each: to what `until` makes of the check. None: nothing did.
    #[must_use]
    pub fn forgive(&self, rule: &Rule, after: Moment, now: Moment, until: impl Fn(&Check) -> Moment) -> Option<Self> {
        let mut next = self.clone();
        let is_within = |deadline: Moment| deadline > after && deadline <= now;
        for member in &mut next.members {
            let check = rule.of(member.every_ms);
            if is_within(member.state.deadline(&check)) {
                member.state = check.forgive(&member.state, now, until(&check));
            }
        }
        let wanted = &mut next.wanted;
        if self.unheard() > 0 && !wanted.is_expired && wanted.forgiven_until.is_none() && is_within(wanted.deadline(&rule.check)) {
            wanted.forgiven_until = Some(until(&rule.check));
        }
        (next != *self).then_some(next)
    }

    /// When to look again.
    #[must_use]
    pub fn look_at(&self, rule: &Rule, now: Now) -> Option<Moment> {
        let of_members = self.members.iter().filter_map(|member| member.look_at(&rule.of(member.every_ms), now.at, now.quiet_until));
        let of_unheard = (self.unheard() > 0 && !self.wanted.is_expired).then(|| self.first_deadline(rule, now.quiet_until));
        of_members.chain(of_unheard).min()
    }

    /// How many are well now.
    #[must_use]
    pub fn well(&self) -> u32 {
        self.count(|status| matches!(status, Status::Up | Status::Late | Status::Failing))
    }

    /// Why not all is well, where it is not.
    #[must_use]
    pub fn reason(&self, status: Status) -> Option<Reason> {
        if !status.is_trouble() {
            return None;
        }
        let never_heard = if self.wanted.is_expired { self.unheard() } else { 0 };
        let silent = || Reason::Silent { last_heard: None, farewell: None, forgiven: self.wanted.forgiven_until.is_some() };
        if let (1, [] | [_]) = (self.wanted.count, self.members.as_slice()) {
            return Some(self.members.first().and_then(|member| member.trouble.clone()).unwrap_or_else(silent));
        }
        let absent = self.members.iter().filter(|member| member.state.status.is_trouble());
        let absent =
            absent.map(|member| Absent { name: member.name.clone(), why: member.trouble.clone().unwrap_or_else(silent) }).collect();
        Some(Reason::Missing { well: self.well(), expected: self.wanted.count, absent, never_heard })
    }

    fn count(&self, is: impl Fn(Status) -> bool) -> u32 {
        u32::try_from(self.members.iter().filter(|member| is(member.state.status)).count()).unwrap_or(u32::MAX)
    }

    /// How many of those expected were never heard.
    fn unheard(&self) -> u32 {
        self.wanted.count.saturating_sub(self.count(|status| status != Status::New))
    }

    fn first_deadline(&self, rule: &Rule, quiet_until: Option<Moment>) -> Moment {
        self.wanted.deadline(&rule.check).max(quiet_until.unwrap_or_default())
    }

    /// Forgets whoever is gone and is one too many: it has been replaced, or is not expected any more. The longest gone first.
    fn forget(&mut self) {
        let excess = self.count(|status| status != Status::New).saturating_sub(self.wanted.count);
        let mut gone: Vec<&Instance> = self.members.iter().filter(|member| member.is_gone).collect();
        gone.sort_by_key(|member| (member.state.last_heard, member.name.clone()));
        let names: BTreeSet<String> = gone.iter().take(usize::try_from(excess).unwrap_or(usize::MAX)).map(|one| one.name.clone()).collect();
        self.members.retain(|member| !names.contains(&member.name));
    }

    /// What they make of a check that stands at `current`. Out of trouble leads only that enough are steadily well.
    fn status(&self, current: Status) -> Status {
        let count = self.wanted.count;
        let failing = self.count(|status| status == Status::Failing);
        let up = self.well() - failing;
        let slow = self.count(|status| status == Status::Poorly);
        let unheard = self.unheard();
        let steady = if current.is_trouble() { up } else { up + failing };
        let is_in_trouble = current.is_trouble() || self.count(Status::is_trouble) > 0 || (unheard > 0 && self.wanted.is_expired);
        if steady < count && is_in_trouble {
            let answering = up + slow + if current == Status::Down { 0 } else { failing };
            let may_come = unheard > 0 && !self.wanted.is_expired && current != Status::Down;
            return if answering == 0 && !may_come { Status::Down } else { Status::Poorly };
        }
        match (up, failing) {
            (0, 0) => current,
            (_, 0) => Status::Up,
            _ if current.is_trouble() || up >= count => Status::Up,
            _ => Status::Failing,
        }
    }

    fn settle(mut self, was: &Self, rule: &Rule, before: &State, now: Now, events: &Events) -> RosterDecision {
        self.forget();
        let status = self.status(before.status);
        let reason = self.reason(status);
        let flip = (status != before.status).then(|| {
            let dates = events.dates(before.status, status, now.at);
            let reason = reason.clone().or_else(|| self.failing(status)).unwrap_or(Reason::Recovered);
            Flip { from: before.status, to: status, at: dates.at, since: dates.since, key_at: dates.key_at, reason }
        });
        let rewording = reason.filter(|reason| flip.is_none() && was.reason(before.status).as_ref() != Some(reason)).map(|reason| {
            let is_worse = status == Status::Poorly && self.is_worse_than(was);
            Rewording { reason, worse_since: is_worse.then(|| events.dates(Status::Up, status, now.at).at) }
        });
        let state = self.summary(rule, before, status, flip.as_ref());
        let look_at = self.look_at(rule, now);
        RosterDecision { roster: self, state, flip, rewording, look_at, is_recorded_late: false }
    }

    /// Whether somebody is not well, or worse, who was not so before.
    fn is_worse_than(&self, was: &Self) -> bool {
        let troubled = |roster: &Self| -> BTreeSet<(String, bool)> {
            let troubled = roster.members.iter().filter(|member| member.state.status.is_trouble());
            troubled.map(|member| (member.name.clone(), member.state.status == Status::Down)).collect()
        };
        let is_newly_overdue = self.wanted.is_expired && !was.wanted.is_expired && self.unheard() > 0;
        is_newly_overdue || !troubled(self).is_subset(&troubled(was))
    }

    fn failing(&self, status: Status) -> Option<Reason> {
        let first = self.members.iter().find(|member| status == Status::Failing && member.state.status == Status::Failing)?;
        let what = first.state.last_words.clone().unwrap_or_else(|| "said fail".into());
        Some(Reason::Failing { what, times: first.state.streak.bad.max(1) })
    }

    /// The check's own state: what people see, and what others ask of it.
    fn summary(&self, rule: &Rule, before: &State, status: Status, flip: Option<&Flip>) -> State {
        let expected = self.members.iter().filter(|member| !member.is_gone && member.is_heard());
        let weakest = self.members.iter().max_by_key(|member| member.state.streak.weak);
        State {
            status,
            since: flip.map_or(before.since, |flip| flip.since),
            due: expected.map(|member| member.state.due).min().unwrap_or_else(|| rule.check.schedule.next(self.wanted.since)),
            due_from: None,
            forgiven_until: None,
            runs_forgiven_until: None,
            last_heard: self.members.iter().filter_map(|member| member.state.last_heard).max().or(before.last_heard),
            runs: Runs::default(),
            took_ms: None,
            waits: false,
            too_often: false,
            streak: weakest.map_or_else(Streak::default, |member| member.state.streak.clone()),
            last_words: None,
            farewell: None,
        }
    }
}

impl Events {
    fn add(&mut self, flip: Option<&Flip>) {
        self.0.extend(flip.map(|flip| Dates { at: flip.at, since: flip.since, key_at: flip.key_at }));
    }

    /// Poorly from the first that failed, down from the last; the trouble began with the first. Well again: now.
    fn dates(&self, from: Status, to: Status, now: Moment) -> Dates {
        let first = self.0.iter().min_by_key(|dates| dates.since);
        let last = self.0.iter().max_by_key(|dates| dates.at);
        match (first, last) {
            (Some(first), Some(last)) if to == Status::Down || to == Status::Failing => Dates { at: last.at, ..*first },
            (Some(first), Some(_)) if to == Status::Poorly && from != Status::Down => *first,
            _ => Dates { at: now, since: now, key_at: now },
        }
    }
}

#[cfg(test)]
mod tests;
