//! Two colours: what the prober says of them, deploys, switches.

use allswell::domain::beat::{DeployUnderWay, Live};
use allswell::domain::colour::Colour;

use super::plan::moment;
use super::world::{Event, World};

#[derive(Debug)]
pub(super) struct Cluster {
    live: Colour,
    epoch: u64,
    deploy: Option<(Colour, i64)>,
    /// So many instances have been replaced.
    replaced: u32,
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self { live: Colour::Blue, epoch: 1, deploy: None, replaced: 0 }
    }

    /// What the prober says now.
    pub(super) fn live(&mut self, now: i64) -> Live {
        self.deploy = self.deploy.filter(|(_, until)| now < *until);
        let deploy = self.deploy.map(|(colour, until)| DeployUnderWay { colour, until: moment(until) });
        Live { colour: Some(self.live), epoch: self.epoch, deploy, ..Live::default() }
    }
}

impl World {
    /// Somebody switches, or replaces what is idle.
    pub(super) fn order(&mut self) {
        if self.state.healed_at.is_some() {
            return;
        }
        self.agenda.set(self.now + self.dice.between(6, 20) * self.plan.pace, Event::Order);
        if self.cluster.deploy.is_some() {
            return;
        }
        if self.dice.chance(500) {
            self.cluster.live = self.cluster.live.other();
            self.cluster.epoch += 1;
            self.story.say(self.now, format_args!("{} is live", self.cluster.live));
            return;
        }
        let colour = self.cluster.live.other();
        let (begins, lasts) = (3 * self.plan.pace, self.plan.pace * self.dice.between(4, 12));
        let until = self.now + begins + lasts;
        self.cluster.deploy = Some((colour, until));
        // The prober has said so before anything is stopped, if it says anything.
        let back = until - self.dice.between(self.plan.pace * 3 / 2, lasts / 2);
        for number in self.of_colour(colour) {
            let check = self.senders[number].check;
            self.truth.checks[check].quiet_until = until;
            self.truth.checks[check].quiets.push(until);
            self.senders[number].silent_until = back;
        }
        self.agenda.set(back, Event::Deployed { colour: usize::from(colour == Colour::Green) });
        self.story.say(self.now, format_args!("a deploy of {colour} until {until}"));
    }

    /// The new instances are there, under other names.
    pub(super) fn deployed(&mut self, colour: usize) {
        let colour = Colour::BOTH[colour];
        for number in self.of_colour(colour) {
            let check = self.senders[number].check;
            self.senders[number].silent_until = 0;
            if self.plan.checks[check].instances.is_some() {
                self.cluster.replaced += 1;
                let name = format!("{}-new-{}", self.plan.checks[check].name, self.cluster.replaced);
                self.senders[number].replace(name, &mut self.dice);
            }
        }
    }

    fn of_colour(&self, colour: Colour) -> Vec<usize> {
        let names = [colour.as_str().to_owned(), format!("heartbeat-{colour}")];
        let is_of = |number: &usize| names.contains(&self.plan.checks[self.senders[*number].check].name);
        (0..self.senders.len()).filter(is_of).collect()
    }
}
