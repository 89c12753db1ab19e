//! What must never happen, and what must happen in time.

use allswell::domain::check::Status;
use allswell::store::incidents;
use allswell::store::incidents::StoredIncident;

use super::channel::Mood;
use super::over::Over;
use super::plan::{MINUTE, Planned, SECOND, millis};
use super::report::{Violation, clock};
use super::truth::{Duty, Stored, Take};
use super::watcher::Condition;
use super::world::World;

/// Whoever stood still longer than this listens before it looks.
const STOOD_STILL: i64 = SECOND;
/// After a longer time without a sweep, deadlines move.
const BLIND: i64 = 2_900;
/// Silence is looked for so far back.
const SETTLES: i64 = 500;
/// A channel that is well again is tried again within this time.
const TRIED_AGAIN: i64 = 310 * SECOND;
/// Who stood behind a cause that is over has half a minute to recover, and the cause as long to fall again.
const RECOVERS: i64 = 62 * SECOND;
/// Where many fail and recover within moments, channels are told of one after the other.
const BACKLOG: i64 = 15 * SECOND;
/// A claim of a watcher that is gone lasts so long.
const CLAIM: i64 = 12 * SECOND;

impl World {
    /// Time passes. What should have been told by now has been told.
    pub(super) async fn pass(&mut self, to: i64) -> Result<(), Box<Violation>> {
        let mut overdue = Vec::new();
        for check in 0..self.plan.checks.len() {
            self.begin_duty(check);
            let Some(duty) = self.truth.checks[check].duty.clone().filter(|duty| !duty.is_told) else { continue };
            if self.now < self.truth.checks[check].muted_until {
                continue;
            }
            let (own, other) = self.time_to_tell(check, duty.since, to);
            let Some(duty) = &mut self.truth.checks[check].duty else { continue };
            duty.used += own;
            duty.used_elsewhere += other;
            if (own > 0 || other > 0) && duty.is_overdue() {
                overdue.push(check);
            }
        }
        let overdue_end = self.overdue_ends(to);
        self.now = to;
        if let Some(over) = overdue_end {
            return Err(self.untold_end(&over));
        }
        for check in overdue {
            self.must_be_told(check).await?;
        }
        Ok(())
    }

    /// How much of the time from now to `to` there is to tell of a check, of what is due since then: by a channel of its own, and by another.
    pub(super) fn time_to_tell(&self, check: usize, since: i64, to: i64) -> (i64, i64) {
        let passed = self.swept_until(since).map_or(0, |until| to.min(until) - self.now);
        let has_own = self.plan.checks[check].channels.iter().any(|channel| self.is_well(*channel, since));
        let has_other = (0..self.channels.len()).any(|channel| self.is_well(channel, since));
        (if has_own { passed } else { 0 }, if has_other { passed } else { 0 })
    }

    /// A deadline has passed in silence.
    fn begin_duty(&mut self, check: usize) {
        let (planned, known) = (&self.plan.checks[check], &self.truth.checks[check]);
        let deadline = known.deadline.max(known.quiet_until);
        if known.duty.is_some() || self.now <= deadline {
            return;
        }
        let mut budget = SETTLES + self.plan.sweep_every + 600 + self.patience(planned);
        if deadline - self.state.gap_ended_at < 2 * SECOND {
            budget += 2 * SECOND;
        }
        let duty = Duty { since: deadline, is_silence: true, used: 0, used_elsewhere: 0, budget, blind: 0, is_told: false };
        self.truth.checks[check].duty = Some(duty);
        self.truth.missed += 1;
    }

    /// How long an alarm may wait: for its cause, for others that fall with it, for a channel whose answer was lost.
    pub(super) fn patience(&self, planned: &Planned) -> i64 {
        let is_cluster = self.plan.has_cluster() && !planned.name.starts_with("job-");
        let for_cause = match planned.behind.first() {
            _ if is_cluster => 25 * planned.period,
            Some(_) => 100 * SECOND,
            None => 0,
        };
        let for_others = if self.plan.checks.len() >= 5 || self.flickers.is_some() { 12 * SECOND } else { 0 };
        let for_answers = if self.loses_answers() { 40 * SECOND } else { 0 };
        for_cause + for_others + for_answers + self.backlog()
    }

    fn backlog(&self) -> i64 {
        if self.flickers.is_some() { BACKLOG } else { 0 }
    }

    /// Until when at least somebody sweeps beyond this deadline; none: nobody does.
    fn swept_until(&self, deadline: i64) -> Option<i64> {
        let sweeps = |watcher: &&super::watcher::Watcher| {
            let is_held = watcher.oldest().is_some_and(|oldest| oldest <= deadline + SETTLES);
            watcher.condition == Condition::Running && !is_held
        };
        let until = self.watchers.iter().filter(sweeps).map(|watcher| watcher.last_sweep + STOOD_STILL).max();
        until.filter(|until| *until >= self.now)
    }

    /// Whether a channel takes at once what it is told since then.
    fn is_well(&self, channel: usize, since: i64) -> bool {
        let channel = &self.channels[channel];
        channel.mood == Mood::Well && (channel.well_since + 6 * SECOND <= since || self.now - channel.well_since > TRIED_AGAIN)
    }

    /// A watcher has swept.
    pub(super) fn swept(&mut self, number: usize) {
        let gap = self.now - self.state.swept_at;
        self.watchers[number].last_sweep = self.now;
        if gap > STOOD_STILL {
            // What has passed meanwhile passed in blindness.
            (0..self.plan.checks.len()).for_each(|check| self.begin_duty(check));
            self.state.gap_ended_at = self.now;
            // Who was cut off was blind since it heard somebody last.
            let blind_since = self.state.cut_off_after.take().unwrap_or(self.state.swept_at).min(self.state.swept_at);
            self.truth.gaps.push((self.now, self.now - blind_since));
            for (planned, known) in self.plan.checks.iter().zip(&mut self.truth.checks) {
                let Some(duty) = &mut known.duty else { continue };
                duty.budget += 1_500;
                if gap > BLIND && duty.is_silence {
                    duty.blind += 1;
                    // Its deadline moves once, and never twice.
                    duty.budget += if duty.blind == 1 { gap.min(planned.grace).max(30 * SECOND) } else { 0 };
                }
            }
        }
        self.state.swept_at = self.now;
    }

    /// Whatever is claimed now may stay so until the claim ends.
    pub(super) fn allow_for_claims(&mut self) {
        let duties = self.truth.checks.iter_mut().filter_map(|known| known.duty.as_mut());
        duties.chain(self.truth.over.iter_mut().map(Over::duty)).for_each(|duty| duty.budget += CLAIM);
    }

    /// A check has been heard: silence is over; enough bad ones are to be told.
    pub(super) fn heard(&mut self, check: usize, is_bad: bool) {
        let patience = self.patience(&self.plan.checks[check]);
        let again = self.plan.sweep_every + 2 * SECOND + RECOVERS + self.backlog();
        if !is_bad {
            // It may have been the cause of others: unless they recover as well, they are told by themselves.
            let behind = self.plan.checks.iter().zip(&mut self.truth.checks).filter(|(planned, _)| planned.behind.contains(&check));
            let duties = behind.filter_map(|(_, known)| known.duty.as_mut());
            duties.for_each(|duty| duty.budget = duty.budget.max(duty.used + again));
        }
        let (planned, known) = (&self.plan.checks[check], &mut self.truth.checks[check]);
        let is_over = known.deadline > self.now;
        // Late, and over by now: what is silent since a later deadline is another silence.
        let is_another = |duty: &Duty| is_over || known.deadline > duty.since;
        if known.duty.as_ref().is_some_and(|duty| if duty.is_silence { is_another(duty) } else { !is_bad }) {
            known.duty = None;
        }
        if known.bad >= planned.fall && known.duty.is_none() && planned.instances.is_none() && self.now > known.quiet_until {
            let budget = self.plan.sweep_every + SECOND + patience;
            let duty = Duty { since: self.now, is_silence: false, used: 0, used_elsewhere: 0, budget, blind: 0, is_told: false };
            known.duty = Some(duty);
        }
    }

    pub(super) async fn open_of(&self, check: usize) -> Option<StoredIncident> {
        let mut reader = self.ground.store.read().await.unwrap();
        incidents::open_of(&mut reader, &self.plan.checks[check].name).await.unwrap()
    }

    async fn must_be_told(&mut self, check: usize) -> Result<(), Box<Violation>> {
        let open = self.open_of(check).await.map(|stored| stored.incident);
        let is_down = |status| status == Status::Down || self.plan.checks[check].instances.is_some();
        let is_told = open
            .as_ref()
            .filter(|open| is_down(open.status))
            .is_some_and(|open| self.truth.is_told(&open.key) || open.cause.as_ref().is_some_and(|cause| self.truth.is_told(cause)));
        let name = self.plan.checks[check].name.clone();
        let Some(duty) = &mut self.truth.checks[check].duty else { return Ok(()) };
        if is_told {
            duty.is_told = true;
            return Ok(());
        }
        let what = if duty.is_silence { "missed its deadline" } else { "failed" };
        let waits = self.ground.untold();
        let words = format!("{name} {what} at {}, and nobody was told: {duty:?}; incident {open:?}; waiting {waits:?}", clock(duty.since));
        Err(self.violation(words))
    }

    /// Nobody is told that a check is silent which had been heard in time.
    pub(super) fn told_rightly(&mut self, take: &Take) -> Result<(), Box<Violation>> {
        let Some(check) = self.plan.named(&take.notice.subject.check).filter(|_| take.is_silence()) else { return Ok(()) };
        let (planned, known) = (&self.plan.checks[check], &self.truth.checks[check]);
        if planned.instances.is_some() {
            return Ok(());
        }
        if let Some(stored) = known.stored.iter().rev().find(|stored| stored.refutes(take.since)) {
            let words = format!("{} is told silent since {}, and was heard: {stored:?}", planned.name, clock(take.since));
            return Err(self.violation(words));
        }
        if !self.truth.is_a_deadline(planned, known, take.since) {
            let words = format!("{} is told silent since {}, and that was no deadline", planned.name, clock(take.since));
            return Err(self.violation(words));
        }
        // We were blind when its deadline fell, and are asked again and again to take a beat that was there in time.
        let is_first_time = known.duty.as_ref().is_some_and(|duty| duty.is_silence && duty.blind == 1 && duty.since >= known.quiet_until);
        let waits = self.senders.iter().filter(|sender| sender.check == check).filter_map(|sender| sender.pending.as_ref());
        let in_time = waits.map(|pending| pending.since).find(|since| *since < known.deadline.min(take.since));
        if let Some(since) = in_time.filter(|_| is_first_time && self.watchers.len() == 1) {
            let words = format!("{} is told silent, and has tried since {} while we were blind", planned.name, clock(since));
            return Err(self.violation(words));
        }
        Ok(())
    }

    /// Whoever hears of the same trouble again hears of the same beginning, whatever the clock did.
    pub(super) fn told_of_one_beginning(&mut self, take: &Take) -> Result<(), Box<Violation>> {
        let is_another = |told: &&Take| told.notice.subject.incident == take.notice.subject.incident && told.since != take.since;
        if let Some(told) = self.truth.takes.iter().find(is_another) {
            let (first, key) = (clock(told.since), &take.notice.key);
            return Err(self.violation(format!("{key} says that it began at {}, and {} said {first}", clock(take.since), told.notice.key)));
        }
        Ok(())
    }

    /// A beat is stored. Nobody was told before that it had not come, unless another watcher took too long to store it.
    pub(super) fn told_in_vain(&mut self, check: usize, stored: Stored) -> Result<(), Box<Violation>> {
        let planned = &self.plan.checks[check];
        let is_excused = planned.instances.is_some() || (self.watchers.len() > 1 && stored.committed - stored.arrived > SETTLES);
        if is_excused {
            return Ok(());
        }
        let is_vain = |take: &&Take| take.is_silence() && take.notice.subject.check == planned.name && stored.refutes(take.since);
        if let Some(take) = self.truth.takes.iter().find(is_vain) {
            let words = format!("{} was told silent since {} before this was stored: {stored:?}", planned.name, clock(take.since));
            return Err(self.violation(words));
        }
        Ok(())
    }

    /// No alarm stands that this beat refutes.
    pub(super) async fn stands(&mut self, check: usize, stored: Stored) -> Result<(), Box<Violation>> {
        let Some(open) = self.open_of(check).await else { return Ok(()) };
        let since = millis(open.incident.since) - self.offset();
        if open.incident.reason.is_silence() && stored.refutes(since) {
            let words = format!("{:?} stands, and it was heard at {}", open.incident, clock(stored.arrived));
            return Err(self.violation(words));
        }
        Ok(())
    }
}

/// So long nothing goes wrong any more before the world ends.
pub(super) fn recovery(pace: i64) -> i64 {
    (TRIED_AGAIN + 2 * MINUTE).max(pace)
}
