//! What was over before anybody had heard of it is told all the same: within its time, and once.

use allswell::domain::incident::Incident;
use allswell::store::incidents::StoredIncident;

use super::plan::{Risk, SECOND};
use super::report::{Violation, clock};
use super::truth::Duty;
use super::world::World;

/// Ends wait for each other so long at most, and a second longer where nobody decides.
const GATHERED: i64 = 12 * SECOND;
/// A claim of somebody who is gone, or was asked just before the end, lasts so long.
const CLAIM: i64 = 12 * SECOND;
/// Whoever was on no network tries again within this time.
const TRIED_AGAIN: i64 = 310 * SECOND;

/// An incident of which nobody had heard when it was over.
#[derive(Debug, Clone)]
pub(super) struct Over {
    key: String,
    check: usize,
    /// So much had been told by then.
    told_before: usize,
    duty: Duty,
}

impl Over {
    pub(super) fn duty(&mut self) -> &mut Duty {
        &mut self.duty
    }
}

impl World {
    /// What has ended, of which nobody has heard: there is a time by which it is to be told.
    pub(super) fn note_what_is_over(&mut self) {
        // What began and ended in quiet is told to nobody.
        if self.plan.risks.contains(&Risk::Mute) {
            return;
        }
        for (key, name) in self.ground.over() {
            let Some(check) = self.plan.named(&name) else { continue };
            if !self.truth.noted.insert(key.clone()) || self.truth.is_told(&key) || self.ground.is_taken_back(&key, &name) {
                continue;
            }
            let for_the_network = if self.plan.risks.contains(&Risk::CutOff) { TRIED_AGAIN } else { 0 };
            let waits = GATHERED + CLAIM + for_the_network + self.patience(&self.plan.checks[check]);
            let budget = self.plan.sweep_every + 2 * SECOND + waits;
            let duty = Duty { since: self.now, is_silence: false, used: 0, used_elsewhere: 0, budget, blind: 0, is_told: false };
            self.truth.over.push(Over { key, check, told_before: self.truth.takes.len(), duty });
        }
    }

    /// Time passes until `to`. Gives back what should have been told by then.
    pub(super) fn overdue_ends(&mut self, to: i64) -> Option<Over> {
        if self.truth.over.is_empty() {
            return None;
        }
        let mut over = std::mem::take(&mut self.truth.over);
        over.retain(|over| !self.is_told_as_over(over));
        let mut overdue = None;
        for over in &mut over {
            let (own, other) = self.time_to_tell(over.check, over.duty.since, to);
            over.duty.used += own;
            over.duty.used_elsewhere += other;
            if over.duty.is_overdue() {
                overdue.get_or_insert_with(|| over.clone());
            }
        }
        self.truth.over = over;
        overdue
    }

    fn is_told_as_over(&self, over: &Over) -> bool {
        let name = &self.plan.checks[over.check].name;
        let mut since = self.truth.takes.iter().skip(over.told_before);
        since.any(|take| take.notice.subject.incident == over.key || (take.is_of_a_group() && take.notice.also.contains(name)))
    }

    pub(super) fn untold_end(&mut self, over: &Over) -> Box<Violation> {
        let (name, waits) = (self.plan.checks[over.check].name.clone(), self.ground.untold());
        let since = clock(over.duty.since);
        self.violation(format!("{name} was over at {since} before it was told, and nobody was told: {over:?}; waiting {waits:?}"))
    }

    /// Nothing is left to tell by now.
    pub(super) fn all_ends_are_told(&mut self) -> Result<(), Box<Violation>> {
        let untold = self.truth.over.iter().find(|over| !self.is_told_as_over(over)).cloned();
        untold.map_or(Ok(()), |over| Err(self.untold_end(&over)))
    }

    /// What was told with others is named there, and was not told by itself besides.
    pub(super) fn told_with_others(&mut self, stored: &StoredIncident) -> Result<(), Box<Violation>> {
        let incident = &stored.incident;
        // It may stand behind one that is not a group; or behind nothing at all, where it was muted.
        let Some(check) = self.plan.named(&incident.check).filter(|_| stored.explained && !self.plan.risks.contains(&Risk::Mute)) else {
            return Ok(());
        };
        if !self.plan.checks[check].behind.is_empty() || self.plan.has_cluster() {
            return Ok(());
        }
        if let Some(take) = self.truth.takes.iter().find(|take| take.notice.subject.incident == incident.key) {
            let key = take.notice.key.clone();
            return Err(self.violation(format!("{key} was told, and with others besides: {stored:?}")));
        }
        if !self.is_named_in_a_group(incident) {
            return Err(self.violation(format!("this was to be told with others, and no end of any names it: {stored:?}")));
        }
        Ok(())
    }

    fn is_named_in_a_group(&self, incident: &Incident) -> bool {
        let may_step = self.plan.risks.contains(&Risk::ClockStep);
        self.truth.takes.iter().filter(|take| take.is_end() && take.is_of_a_group()).any(|take| {
            let fits = take.notice.since <= incident.since && incident.since <= take.notice.at;
            take.notice.also.contains(&incident.check) && (fits || may_step)
        })
    }
}
