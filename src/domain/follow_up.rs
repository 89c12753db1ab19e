//! What becomes of an alarm that nobody acknowledges: reminders, then further channels. And of one that could not be told yet: somebody
//! had asked for quiet.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// What is done while nobody acknowledges.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    /// Told again so often. None: never.
    pub remind: Option<Duration>,
    /// Others are told, too. None: nobody else.
    pub escalate: Option<Escalation>,
}

/// Who else is told of what nobody acknowledges.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Escalation {
    /// So long after the alarm.
    pub after: Duration,
    /// The further channels.
    pub to: Vec<String>,
}

/// How far an open incident has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// When it was told, in its present gravity. None: not yet.
    pub told_at: Option<Moment>,
    /// When it was told or reminded of last.
    pub said_at: Option<Moment>,
    /// How many reminders there were.
    pub reminders: u32,
    /// The further channels were told.
    pub is_escalated: bool,
    /// It is to be told when the quiet ends.
    pub is_hushed: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It was never told: the quiet is over.
    Tell,
    /// It is told again to everybody who was told.
    Remind,
    /// It is told to further channels.
    Escalate,
}

/// What comes out of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// From now on.
    pub state: FollowUp,
    /// What is to be done, in this order.
    pub acts: Vec<Act>,
    /// When to look again. None: only an event can change it.
    pub look_at: Option<Moment>,
}

impl Plan {
    /// What both of them ask for: reminders as often as the one that wants more, and all further channels when the first of them is to be told.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        if self == *other {
            return self;
        }
        let escalate = match (self.escalate, &other.escalate) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or_else(|| other.clone()),
        };
        Self { remind: self.remind.into_iter().chain(other.remind).min(), escalate }
    }
}

impl Escalation {
    fn and(mut self, other: &Self) -> Self {
        self.after = self.after.min(other.after);
        let further: Vec<String> = other.to.iter().filter(|channel| !self.to.contains(channel)).cloned().collect();
        self.to.extend(further);
        self
    }
}

impl FollowUp {
    /// The alarm is told from `at` on, or is hushed.
    #[must_use]
    pub fn opened(&self, at: Moment, is_hushed: bool) -> Self {
        if is_hushed {
            return Self { is_hushed, ..self.clone() };
        }
        Self { told_at: Some(at), said_at: Some(at), is_hushed, ..self.clone() }
    }

    /// What is to be done at `now`. Early and repeated calls do nothing.
    #[must_use]
    pub fn decide(&self, plan: &Plan, is_acknowledged: bool, hushed_until: Option<Moment>, now: Moment) -> Following {
        let (mut state, mut acts) = (self.clone(), Vec::new());
        if is_acknowledged {
            state.is_hushed = false;
            return Following { state, acts, look_at: None };
        }
        if let Some(until) = hushed_until {
            // What would have been said now is said at the end.
            state.is_hushed |= self.next(plan).is_some_and(|next| next <= now);
            let look_at = if state.is_hushed { Some(until) } else { self.next(plan) };
            return Following { state, acts, look_at };
        }
        if state.is_hushed {
            acts.push(if state.told_at.is_some() { Act::Remind } else { Act::Tell });
        } else if self.remind_at(plan).is_some_and(|at| at <= now) {
            acts.push(Act::Remind);
        }
        if self.escalate_at(plan).is_some_and(|at| at <= now) {
            acts.push(Act::Escalate);
            state.is_escalated = true;
        }
        if acts.first().is_some_and(|act| *act != Act::Escalate) {
            state.told_at.get_or_insert(now);
            state.said_at = Some(now);
            state.is_hushed = false;
        }
        state.reminders += u32::from(acts.first() == Some(&Act::Remind));
        let look_at = state.next(plan);
        Following { state, acts, look_at }
    }

    /// When something is to be said next, if nothing happens.
    #[must_use]
    pub fn next(&self, plan: &Plan) -> Option<Moment> {
        self.remind_at(plan).into_iter().chain(self.escalate_at(plan)).min()
    }

    fn remind_at(&self, plan: &Plan) -> Option<Moment> {
        Some(self.said_at? + plan.remind?)
    }

    fn escalate_at(&self, plan: &Plan) -> Option<Moment> {
        let escalation = plan.escalate.as_ref().filter(|_| !self.is_escalated)?;
        Some(self.told_at? + escalation.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn plan() -> Plan {
        let escalate = Escalation { after: Duration::from_secs(30), to: vec!["boss".into()] };
        Plan { remind: Some(Duration::from_secs(20)), escalate: Some(escalate) }
    }

    fn told() -> FollowUp {
        FollowUp::default().opened(at(0), false)
    }

    /// What is done at each of these moments, one after the other.
    fn acts(mut state: FollowUp, looks: &[i64]) -> Vec<(i64, Vec<Act>)> {
        let mut done = Vec::new();
        for now in looks {
            let decided = state.decide(&plan(), false, None, at(*now));
            state = decided.state;
            if !decided.acts.is_empty() {
                done.push((*now, decided.acts));
            }
        }
        done
    }

    #[test]
    fn it_is_reminded_of_at_its_interval_and_escalated_once() {
        let wanted = [(20, vec![Act::Remind]), (30, vec![Act::Escalate]), (40, vec![Act::Remind]), (60, vec![Act::Remind])];
        assert_eq!(acts(told(), &[0, 10, 19, 20, 21, 29, 30, 31, 40, 45, 60]), wanted);
        assert_eq!(told().next(&plan()), Some(at(20)));
    }

    #[test]
    fn who_looks_late_reminds_once_and_not_for_every_time_that_was_missed() {
        assert_eq!(acts(told(), &[500, 501, 519, 520]), [(500, vec![Act::Remind, Act::Escalate]), (520, vec![Act::Remind])]);
    }

    #[test]
    fn two_plans_in_one_are_as_soon_and_as_often_as_either_and_tell_all() {
        let second = Duration::from_secs(1);
        let escalate = |after: u32, to: &[&str]| {
            Some(Escalation { after: second * after, to: to.iter().map(|channel| (*channel).to_owned()).collect() })
        };
        let other = Plan { remind: Some(second * 30), escalate: escalate(10, &["pager", "boss"]) };
        let both = Plan { remind: Some(second * 20), escalate: escalate(10, &["boss", "pager"]) };
        assert_eq!(plan().and(&other), both);
        for (one, other) in [(plan(), Plan::default()), (Plan::default(), plan()), (plan(), plan())] {
            assert_eq!(one.and(&other), plan(), "who asks for nothing takes nothing away");
        }
    }

    #[test]
    fn what_is_acknowledged_is_neither_reminded_of_nor_escalated() {
        let decided = told().decide(&plan(), true, None, at(500));
        assert_eq!((decided.acts, decided.look_at), (Vec::new(), None));
    }

    #[test]
    fn what_began_in_quiet_is_told_at_its_end_and_not_before() {
        let hushed = FollowUp::default().opened(at(0), true);
        let within = hushed.decide(&plan(), false, Some(at(100)), at(50));
        assert_eq!((within.acts.as_slice(), within.look_at), (&[] as &[Act], Some(at(100))));
        let after = within.state.decide(&plan(), false, None, at(100));
        assert_eq!((after.acts, after.look_at), (vec![Act::Tell], Some(at(120))));
    }

    #[test]
    fn a_reminder_that_fell_into_the_quiet_is_said_at_its_end() {
        let within = told().decide(&plan(), false, Some(at(25)), at(20));
        assert_eq!((within.acts.as_slice(), within.look_at), (&[] as &[Act], Some(at(25))));
        assert_eq!(within.state.decide(&plan(), false, None, at(25)).acts, [Act::Remind]);
        let early = told().decide(&plan(), false, Some(at(15)), at(10));
        assert_eq!((early.state.is_hushed, early.look_at), (false, Some(at(20))), "nothing fell into it");
    }
}
