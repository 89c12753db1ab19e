//! Checks that fail and are well again within moments, again and again: much of that is over before anybody has heard of it.

use super::dice::Dice;
use super::plan::{Plan, Planned, Risk, SECOND};
use super::world::{Event, World};

/// So often all of them together fail at most in one such time: enough for a storm, and channels tell of one thing after the other.
const FAILURES: usize = 60;
/// Whoever waits for an answer is asked again so often.
const TRIES: u32 = 200;

/// What a sender still has to say of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flicker {
    /// So many bad ones, then so many good ones.
    bad: u32,
    good: u32,
    /// And that so often.
    rounds: u32,
    tries: u32,
}

impl Flicker {
    fn begin(&mut self, planned: &Planned) {
        (self.bad, self.good) = (planned.fall, planned.rise);
    }

    /// Something has been said. True where what comes next is of another kind.
    fn said(&mut self, planned: &Planned) -> bool {
        if self.bad > 0 {
            self.bad -= 1;
            return self.bad == 0;
        }
        self.good = self.good.saturating_sub(1);
        if self.good > 0 {
            return false;
        }
        self.rounds = self.rounds.saturating_sub(1);
        self.begin(planned);
        true
    }
}

/// Chance of its own, so that every other seed means what it has always meant. None: nothing flickers in this world.
pub(super) fn dice(seed: u64, plan: &Plan) -> Option<Dice> {
    let mut dice = Dice::new(!seed);
    // Where every fifth answer is lost, and each of them keeps its channel for five seconds, nobody can say when a crowd is told.
    let is_fit = !plan.has_cluster() && !plan.risks.contains(&Risk::LostAnswer);
    (is_fit && dice.chance(500)).then_some(dice)
}

impl World {
    pub(super) fn next_flickers(&mut self) {
        let Some(dice) = &mut self.flickers else { return };
        let at = self.now + self.plan.pace * dice.between(1_500, 9_000) / 1_000;
        self.agenda.set(at, Event::Flickers);
    }

    /// Most senders begin, many of them in the same moment.
    pub(super) fn flickers(&mut self) {
        if self.state.healed_at.is_some() {
            return;
        }
        self.next_flickers();
        let most = (FAILURES / self.senders.len().max(1)).clamp(1, 20);
        let Some(dice) = &mut self.flickers else { return };
        for (number, sender) in self.senders.iter().enumerate() {
            let (is_in, is_at_once, later) = (dice.chance(850), dice.chance(700), dice.between(0, 2 * SECOND));
            let rounds = 1 + u32::try_from(dice.below(most)).unwrap_or(0);
            if !is_in {
                continue;
            }
            let mut flicker = Flicker { bad: 0, good: 0, rounds, tries: TRIES };
            flicker.begin(&self.plan.checks[sender.check]);
            let at = self.now + if is_at_once { 0 } else { later };
            self.agenda.set(at, Event::Flicker { sender: number, flicker });
        }
        self.story.say(self.now, format_args!("checks flicker"));
    }

    /// One of them says the next thing, unless it is silent.
    pub(super) fn flicker(&mut self, number: usize, mut flicker: Flicker) {
        let Some(dice) = &mut self.flickers else { return };
        let (soon, later) = (dice.between(1, 150), dice.between(0, 3 * SECOND));
        if self.state.healed_at.is_some() || self.senders[number].silent_until > self.now {
            return;
        }
        let mut wait = soon;
        if self.senders[number].pending.is_some() {
            flicker.tries = flicker.tries.saturating_sub(1);
        } else {
            self.senders[number].failing = u32::from(flicker.bad > 0);
            self.say(number);
            if flicker.said(&self.plan.checks[self.senders[number].check]) {
                wait = later;
            }
        }
        if flicker.rounds > 0 && flicker.tries > 0 {
            self.agenda.set(self.now + wait, Event::Flicker { sender: number, flicker });
        }
    }
}
