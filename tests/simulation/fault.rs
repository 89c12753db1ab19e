//! What goes wrong.

use super::channel::Mood;
use super::ground::FUSES;
use super::plan::{DAY, HOUR, MINUTE, Risk, SECOND};
use super::watcher::{Condition, Doom, STEPS};
use super::world::{Event, World};

impl World {
    pub(super) fn next_fault(&mut self) {
        let at = self.now + self.plan.pace * self.dice.between(500, 8_000) / 1_000;
        self.agenda.set(at, Event::Fault);
    }

    /// How long something is away: mostly shortly, sometimes for long.
    pub(super) fn outage(&mut self) -> i64 {
        if self.state.healed_at.is_some() {
            return SECOND;
        }
        match self.dice.below(5) {
            0 => self.dice.between(50, SECOND),
            1 => self.dice.between(SECOND, 10 * SECOND),
            2 => self.dice.between(10 * SECOND, 2 * MINUTE),
            _ => self.dice.between(SECOND, (3 * self.plan.pace).clamp(5 * SECOND, 15 * MINUTE)),
        }
    }

    pub(super) async fn fault(&mut self) {
        if self.state.healed_at.is_some() {
            return;
        }
        self.next_fault();
        let risk = *self.dice.pick(&self.plan.risks);
        let number = self.dice.below(self.watchers.len());
        let is_running = self.watchers[number].condition == Condition::Running;
        match risk {
            Risk::Kill if is_running => self.kill(number, "killed"),
            Risk::Doom if is_running => {
                let (step, fuse) = (*self.dice.pick(&STEPS), self.dice.below(FUSES.len() * 2));
                self.watchers[number].doom = Some(Doom { step, fuse: (fuse < FUSES.len()).then_some(fuse) });
            }
            Risk::Suspend if is_running => {
                self.allow_for_claims();
                self.state.faults += 1;
                let outage = self.outage().min(3 * MINUTE);
                self.watchers[number].condition = Condition::Suspended;
                self.watchers[number].next_sweep = self.now + outage;
                self.story.say(self.now, format_args!("watcher {number} stands still for {outage} ms"));
            }
            Risk::CutOff if is_running => {
                self.allow_for_claims();
                self.state.faults += 1;
                let outage = self.outage();
                self.watchers[number].condition = Condition::CutOff;
                self.state.cut_off_after = Some(self.state.heard_at);
                self.agenda.set(self.now + outage, Event::Back { watcher: number });
                self.story.say(self.now, format_args!("watcher {number} is cut off for {outage} ms"));
            }
            Risk::Stall => {
                self.allow_for_claims();
                self.state.faults += 1;
                self.state.stalled_until = self.now + self.dice.between(200, 12 * SECOND);
                self.story.say(self.now, format_args!("the store stalls until {}", self.state.stalled_until));
            }
            Risk::SlowCommit => self.state.next_commit_takes = Some(self.dice.between(SECOND, 12 * SECOND)),
            Risk::ClockStep => self.step_clock(),
            Risk::DeadChannel | Risk::SlowChannel => self.trouble_channel(risk),
            Risk::Mute => self.mute(number).await,
            Risk::LostAnswer | Risk::Kill | Risk::Doom | Risk::Suspend | Risk::CutOff => {}
        }
    }

    fn step_clock(&mut self) {
        let size = *self.dice.pick(&[2 * SECOND, 20 * SECOND, HOUR, DAY]);
        let size = self.dice.between(1_001, size.max(1_002));
        let by = if self.dice.chance(500) { size } else { -size };
        self.agenda.set(self.now + self.dice.between(0, 200), Event::Stepped { by });
    }

    fn trouble_channel(&mut self, risk: Risk) {
        let channel = self.dice.below(self.channels.len());
        let mood = match risk {
            Risk::SlowChannel => Mood::Slow(self.dice.between(200, 4_900)),
            _ => *self.dice.pick(&[Mood::Busy, Mood::Refusing, Mood::Silent]),
        };
        self.channels[channel].set(mood, self.now);
        let lasts = self.outage() * 3;
        self.agenda.set(self.now + lasts, Event::Mend { channel });
        self.story.say(self.now, format_args!("channel {channel} is {mood:?} for {lasts} ms"));
    }

    pub(super) fn loses_answers(&self) -> bool {
        self.state.healed_at.is_none() && self.plan.risks.contains(&Risk::LostAnswer)
    }

    pub(super) fn mend(&mut self, channel: usize) {
        self.channels[channel].set(Mood::Well, self.now);
    }

    pub(super) async fn back(&mut self, number: usize) {
        match self.watchers[number].condition {
            Condition::Dead if self.now < self.state.stalled_until => {
                self.agenda.set(self.state.stalled_until, Event::Back { watcher: number });
            }
            Condition::Dead => self.begin(number).await,
            Condition::CutOff => {
                self.watchers[number].condition = Condition::Running;
                self.story.say(self.now, format_args!("watcher {number} is on the network again"));
            }
            Condition::Running | Condition::Suspended => {}
        }
    }

    /// It goes on where it stood still.
    pub(super) fn resume(&mut self, number: usize) {
        self.watchers[number].condition = Condition::Running;
        self.story.say(self.now, format_args!("watcher {number} goes on"));
    }
}
