//! Senders: work that ends, a beat that says so, and tries to deliver it.

use allswell::domain::beat::{Beat, BeatKind, Health, Identity, Showing};
use uuid::Uuid;

use super::dice::Dice;
use super::plan::{MINUTE, Plan, SECOND, moment};
use super::watcher::{Arrival, Condition};
use super::world::{Event, World};

#[derive(Debug)]
pub(super) struct Sender {
    pub(super) check: usize,
    pub(super) instance: String,
    run: Uuid,
    sequence: u64,
    /// So many bad ones are still to come.
    pub(super) failing: u32,
    /// It does nothing until then.
    pub(super) silent_until: i64,
    pub(super) pending: Option<Pending>,
    attempts: u64,
    /// So many were acknowledged since everything is well.
    pub(super) delivered: usize,
}

/// A beat that is not acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) beat: Beat,
    /// When the work ended, and the first try was made.
    pub(super) since: i64,
    attempt: u64,
    tries: u32,
}

impl Sender {
    pub(super) fn all(plan: &Plan, dice: &mut Dice) -> Vec<Self> {
        let mut senders = Vec::new();
        for (check, planned) in plan.checks.iter().enumerate() {
            for number in 1..=planned.instances.unwrap_or(1) {
                let silent_until = if planned.is_never_heard { i64::MAX } else { 0 };
                senders.push(Self::new(check, format!("{}-{number}", planned.name), silent_until, dice));
            }
        }
        senders
    }

    pub(super) fn new(check: usize, instance: String, silent_until: i64, dice: &mut Dice) -> Self {
        let run = dice.uuid();
        Self { check, instance, run, sequence: 0, failing: 0, silent_until, pending: None, attempts: 0, delivered: 0 }
    }

    /// Its process is another one from now on.
    pub(super) fn replace(&mut self, instance: String, dice: &mut Dice) {
        *self = Self { attempts: self.attempts + 1, ..Self::new(self.check, instance, 0, dice) };
    }

    fn beat(&mut self, name: &str, now: i64) -> Beat {
        self.sequence += 1;
        let is_bad = self.failing > 0;
        self.failing = self.failing.saturating_sub(1);
        let (kind, health) =
            if is_bad { (BeatKind::Fail, Health::not_good(Showing::Bad, "answered 500")) } else { (BeatKind::Success, Health::good(5)) };
        let identity = Identity { instance: self.instance.clone(), run: self.run, sequence: self.sequence };
        Beat { health: Some(health), ..Beat::new(name, kind, identity, moment(now)) }
    }

    pub(super) fn is_trying(&self, attempt: u64) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.attempt == attempt)
    }
}

impl World {
    /// A piece of work ends, or would.
    pub(super) fn work(&mut self, number: usize) {
        self.state.works += 1;
        let healed = self.state.healed_at.is_some();
        let planned = self.plan.checks[self.senders[number].check].clone();
        let now = self.now;
        let next = if planned.is_periodic() {
            now + planned.period * self.dice.between(600, 1_000) / 1_000
        } else {
            planned.due(now) + self.dice.between(0, planned.grace * 9 / 10)
        };
        self.agenda.set(next, Event::Work { sender: number });
        let sender = &mut self.senders[number];
        if sender.silent_until > now && !healed || sender.pending.is_some() {
            return;
        }
        if !healed && self.dice.chance(60) {
            self.mishap(number, now);
            if self.senders[number].silent_until > now {
                return;
            }
        }
        if healed {
            let sender = &mut self.senders[number];
            (sender.failing, sender.silent_until) = (0, 0);
        }
        self.say(number);
    }

    /// It says how it is. Nothing else of it is under way.
    pub(super) fn say(&mut self, number: usize) {
        let now = self.now;
        let name = self.plan.checks[self.senders[number].check].name.clone();
        let sender = &mut self.senders[number];
        sender.attempts += 1;
        let attempt = sender.attempts;
        let mut beat = sender.beat(&name, now);
        if name == "prober" {
            beat.live = Some(self.cluster.live(now));
        }
        self.senders[number].pending = Some(Pending { beat, since: now, attempt, tries: 0 });
        self.try_to_send(number, attempt);
    }

    /// It falls silent for a while, or fails, or is so late that it may be too late.
    fn mishap(&mut self, number: usize, now: i64) {
        let check = self.senders[number].check;
        let planned = &self.plan.checks[check];
        let whole = planned.due(now) + planned.grace - now;
        match self.dice.below(4) {
            0 => self.senders[number].failing = planned.fall + u32::try_from(self.dice.below(3)).unwrap_or(0),
            1 | 2 => self.senders[number].silent_until = now + whole * self.dice.between(800, 3_000) / 1_000,
            _ => {
                let deadline = self.truth.checks[check].deadline;
                let late = deadline + self.dice.between(-800, 800);
                if late > now {
                    self.senders[number].silent_until = late;
                    self.agenda.set(late, Event::Work { sender: number });
                }
            }
        }
        // Those who run in the same process fall silent together.
        if self.plan.checks[check].name == "prober" {
            let until = self.senders[number].silent_until;
            for other in 0..self.senders.len() {
                if ["blue", "green", "proxy"].contains(&self.plan.checks[self.senders[other].check].name.as_str()) {
                    self.senders[other].silent_until = until;
                }
            }
        }
    }

    pub(super) fn try_to_send(&mut self, number: usize, attempt: u64) {
        if !self.senders[number].is_trying(attempt) {
            return;
        }
        let Some(beat) = self.senders[number].pending.as_ref().map(|pending| pending.beat.clone()) else { return };
        let arrival = |at| Box::new(Arrival { beat, sender: number, attempt, at });
        let watcher = self.dice.below(self.watchers.len());
        let life = self.watchers[watcher].life;
        match self.watchers[watcher].condition {
            Condition::Running => {
                let gap = if self.dice.chance(200) { self.dice.between(1, 120) } else { 0 };
                self.agenda.set(self.now + gap, Event::Arrive { watcher, life, arrival: arrival(self.now) });
                self.agenda.set(self.now + 2_000, Event::GiveUp { sender: number, attempt });
            }
            // The kernel has it, and the process when it goes on; the sender waits for its answer in vain.
            Condition::Suspended => {
                let resumes = self.watchers[watcher].next_sweep;
                let at = resumes + self.dice.between(1, 30);
                self.agenda.set(at, Event::Arrive { watcher, life, arrival: arrival(at) });
                self.agenda.set(self.now + 5_000, Event::GiveUp { sender: number, attempt });
            }
            Condition::Dead | Condition::CutOff => self.try_again(number, attempt),
        }
    }

    /// Sooner at first, and never later than ten seconds.
    pub(super) fn try_again(&mut self, number: usize, attempt: u64) {
        let sender = &mut self.senders[number];
        if !sender.is_trying(attempt) {
            return;
        }
        let Some(pending) = &mut sender.pending else { return };
        pending.tries += 1;
        sender.attempts += 1;
        pending.attempt = sender.attempts;
        let longest = if self.plan.pace > MINUTE { 10 * SECOND } else { SECOND };
        let wait = (200 << pending.tries.min(6)).min(longest) + self.dice.between(0, 200);
        self.agenda.set(self.now + wait, Event::Try { sender: number, attempt: sender.attempts });
    }

    /// The watcher says that the beat is stored.
    pub(super) fn acknowledge(&mut self, number: usize, run: Uuid, sequence: u64) {
        self.truth.acknowledged.push((run, sequence));
        let sender = &mut self.senders[number];
        let is_it = |pending: &Pending| (pending.beat.identity.run, pending.beat.identity.sequence) == (run, sequence);
        if sender.pending.as_ref().is_some_and(is_it) {
            sender.pending = None;
            sender.delivered += usize::from(self.state.healed_at.is_some());
        }
    }
}
