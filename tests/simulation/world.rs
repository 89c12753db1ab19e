//! Everything that there is, and whose turn it is.

use std::collections::BTreeMap;

use allswell::domain::moment::Moment;

use super::channel::Channel;
use super::cluster::Cluster;
use super::dice::Dice;
use super::flicker::{self, Flicker};
use super::ground::Ground;
use super::plan::{Plan, moment};
use super::report::{Report, Story, Violation, clock};
use super::sender::Sender;
use super::truth::{Known, Truth};
use super::watcher::{Arrival, Condition, Watcher};

/// What happens at a moment that was set before.
#[derive(Debug)]
pub(super) enum Event {
    /// A sender's work ends.
    Work { sender: usize },
    /// A sender tries to deliver its beat.
    Try { sender: usize, attempt: u64 },
    /// A beat that was dated is counted among those under way.
    Arrive { watcher: usize, life: u64, arrival: Box<Arrival> },
    /// A commit of beats is through.
    Commit { watcher: usize, life: u64, began: i64 },
    /// A sender waits no longer for its answer.
    GiveUp { sender: usize, attempt: u64 },
    /// Something goes wrong.
    Fault,
    /// A watcher is back.
    Back { watcher: usize },
    /// A channel is well again.
    Mend { channel: usize },
    /// The step of the clock is noticed.
    Stepped { by: i64 },
    /// A deploy or a switch begins, or goes on.
    Order,
    /// What was replaced is back.
    Deployed { colour: usize },
    /// The time of a mute is over.
    MuteOver { check: usize },
    /// Many checks begin to fail and to be well again.
    Flickers,
    /// One of them says the next thing.
    Flicker { sender: usize, flicker: Flicker },
}

/// A world that takes more steps never ends.
const MOST_STEPS: u32 = 200_000;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Event(u64),
    Sweep(usize),
    Courier(usize, usize),
}

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) plan: Plan,
    pub(super) dice: Dice,
    pub(super) now: i64,
    pub(super) agenda: Agenda,
    pub(super) ground: Ground,
    pub(super) watchers: Vec<Watcher>,
    pub(super) channels: Vec<Channel>,
    pub(super) senders: Vec<Sender>,
    pub(super) truth: Truth,
    pub(super) story: Story,
    pub(super) state: State,
    pub(super) cluster: Cluster,
    /// How checks flicker, where they do.
    pub(super) flickers: Option<Dice>,
}

/// What is set to happen.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    events: BTreeMap<(i64, u64), Event>,
    count: u64,
}

/// What holds for the whole world.
#[derive(Debug, Default)]
pub(super) struct State {
    /// No step of a watcher ends before.
    pub(super) stalled_until: i64,
    /// By so much the watchers' clock is ahead, and since when.
    pub(super) clocks: Vec<(i64, i64)>,
    /// When anybody swept last.
    pub(super) swept_at: i64,
    /// When anybody was heard last; and when before the last time in which a watcher was cut off, until somebody sweeps.
    pub(super) heard_at: i64,
    pub(super) cut_off_after: Option<i64>,
    /// When the last time ended in which nobody swept.
    pub(super) gap_ended_at: i64,
    /// Something was done then.
    pub(super) active_at: i64,
    pub(super) is_untold: bool,
    pub(super) is_open: bool,
    /// No commit ends before, and it takes so long.
    pub(super) next_commit_takes: Option<i64>,
    pub(super) works: usize,
    /// Since when nothing goes wrong any more.
    pub(super) healed_at: Option<i64>,
    pub(super) faults: usize,
}

impl Agenda {
    pub(super) fn set(&mut self, at: i64, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    pub(super) fn next(&self) -> Option<i64> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    fn first(&self) -> Option<(i64, u64)> {
        self.events.keys().next().copied()
    }

    /// Forgets what comes first, as long as it is of no use any more.
    pub(super) fn forget_first(&mut self, is_useless: impl Fn(&Event) -> bool) {
        while self.events.first_entry().is_some_and(|first| is_useless(first.get())) {
            self.events.pop_first();
        }
    }

    fn take(&mut self, key: (i64, u64)) -> Option<Event> {
        self.events.remove(&key)
    }
}

impl World {
    pub(super) async fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::new(&mut dice);
        let mut world = Self {
            seed,
            now: 0,
            agenda: Agenda::default(),
            ground: Ground::new().await,
            watchers: (0..plan.watchers).map(|_| Watcher::new(plan.channels.len())).collect(),
            channels: plan.channels.iter().map(|_| Channel::new()).collect(),
            senders: Sender::all(&plan, &mut dice),
            truth: Truth { checks: plan.checks.iter().map(Known::new).collect(), ..Truth::default() },
            story: Story::default(),
            state: State { clocks: vec![(0, 0)], ..State::default() },
            cluster: Cluster::new(),
            flickers: flicker::dice(seed, &plan),
            plan,
            dice,
        };
        for watcher in 0..world.watchers.len() {
            world.begin(watcher).await;
        }
        for sender in 0..world.senders.len() {
            let first = world.dice.between(0, world.plan.checks[world.senders[sender].check].grace);
            world.agenda.set(first, Event::Work { sender });
        }
        if !world.plan.risks.is_empty() {
            world.next_fault();
        }
        world.next_flickers();
        if world.plan.has_cluster() {
            let first = world.dice.between(2, 12) * world.plan.pace;
            world.agenda.set(first, Event::Order);
        }
        world
    }

    /// Lives until everything is well again and everything is told.
    pub(super) async fn live(mut self) -> Result<Report, Box<Violation>> {
        let mut steps = 0;
        while !self.is_over() {
            steps += 1;
            if steps > MOST_STEPS {
                let words =
                    format!("nothing comes to an end here: {:?} {:?} at {}", self.ground.sight(), self.ground.untold(), clock(self.now));
                return Err(self.violation(words));
            }
            self.pass_over_what_is_idle();
            let (at, turn) = self.turn();
            self.pass(at).await?;
            match turn {
                Turn::Event(number) => {
                    if let Some(event) = self.agenda.take((at, number)) {
                        self.happen(event).await?;
                    }
                }
                Turn::Sweep(watcher) => self.sweep(watcher).await?,
                Turn::Courier(watcher, channel) => self.courier(watcher, channel).await?,
            }
        }
        self.end().await
    }

    fn turn(&self) -> (i64, Turn) {
        let event = self.agenda.first().map(|(at, number)| (at, Turn::Event(number)));
        let sweeps = self.watchers.iter().enumerate().map(|(number, watcher)| (watcher.next_sweep, Turn::Sweep(number)));
        let running = self.watchers.iter().enumerate().filter(|(_, watcher)| self.is_stepping(watcher.condition));
        let couriers = running.flat_map(|(number, watcher)| {
            watcher.couriers.iter().enumerate().map(move |(channel, courier)| {
                let at = courier.sent.as_ref().map_or(courier.next_poll, |sent| sent.answered_at);
                (at, Turn::Courier(number, channel))
            })
        });
        let couriers = couriers.filter(|(at, _)| *at < i64::MAX);
        let first = event.into_iter().chain(sweeps).chain(couriers).min().unwrap();
        (first.0.max(self.now), first.1)
    }

    pub(super) fn is_stepping(&self, condition: Condition) -> bool {
        matches!(condition, Condition::Running | Condition::CutOff)
    }

    /// By the watchers' clock.
    pub(super) fn clock(&self, at: i64) -> Moment {
        moment(at.saturating_add(self.offset()))
    }

    pub(super) fn offset(&self) -> i64 {
        self.state.clocks.last().map_or(0, |(_, offset)| *offset)
    }

    /// The true time of what a watcher dated when it wrote `written`.
    pub(super) fn true_time(&self, said: i64, written: i64) -> i64 {
        let fits = |(since, offset): &&(i64, i64)| written - offset >= since - 400 && written - offset <= self.now;
        said - self.state.clocks.iter().rev().find(fits).map_or(self.offset(), |(_, offset)| *offset)
    }

    pub(super) fn violation(&mut self, what: String) -> Box<Violation> {
        let mut story = self.story.lines();
        story.push(format!("plan: {:?}", self.plan));
        Box::new(Violation { seed: self.seed, what, story })
    }

    async fn happen(&mut self, event: Event) -> Result<(), Box<Violation>> {
        match event {
            Event::Work { sender } => self.work(sender),
            Event::Try { sender, attempt } => self.try_to_send(sender, attempt),
            Event::Arrive { watcher, life, arrival } => self.arrive(watcher, life, *arrival),
            Event::Commit { watcher, life, began } => return self.commit(watcher, life, began).await,
            Event::GiveUp { sender, attempt } => self.try_again(sender, attempt),
            Event::Fault => self.fault().await,
            Event::Back { watcher } => self.back(watcher).await,
            Event::Mend { channel } => self.mend(channel),
            Event::Stepped { by } => return self.stepped(by).await,
            Event::Order => self.order(),
            Event::Deployed { colour } => self.deployed(colour),
            Event::MuteOver { check } => self.mute_over(check),
            Event::Flickers => self.flickers(),
            Event::Flicker { sender, flicker } => self.flicker(sender, flicker),
        }
        Ok(())
    }
}
