//! What a seed's world consists of, and what may befall it.

use std::time::Duration;

use allswell::domain::check::Check;
use allswell::domain::follow_up::Plan as FollowUps;
use allswell::domain::moment::Moment;
use allswell::domain::schedule::Schedule;
use allswell::monitor::{ChannelRule, Expected, Keep, MonitorSettings};

use super::dice::Dice;

/// Moment 0 of every world.
const EPOCH: i64 = 1_795_000_000_000;
pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;
/// A beat of a schedule that comes so early counts for the time at which it is due.
const EARLY: i64 = 3 * SECOND;

/// What can go wrong besides senders that fall silent, fail, or are late: those there are in every world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Risk {
    Kill,
    Doom,
    Suspend,
    CutOff,
    Stall,
    SlowCommit,
    ClockStep,
    DeadChannel,
    SlowChannel,
    LostAnswer,
    Mute,
}

const RISKS: [Risk; 11] = [
    Risk::Kill,
    Risk::Doom,
    Risk::Suspend,
    Risk::CutOff,
    Risk::Stall,
    Risk::SlowCommit,
    Risk::ClockStep,
    Risk::DeadChannel,
    Risk::SlowChannel,
    Risk::LostAnswer,
    Risk::Mute,
];

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) checks: Vec<Planned>,
    pub(super) channels: Vec<ChannelRule>,
    pub(super) watchers: usize,
    /// A typical period: how long everything takes is measured by it.
    pub(super) pace: i64,
    /// So much work is done before everything heals.
    pub(super) works: usize,
    pub(super) risks: Vec<Risk>,
    /// The milliseconds between two sweeps.
    pub(super) sweep_every: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) schedule: Schedule,
    /// A schedule's own time between two beats, about.
    pub(super) period: i64,
    pub(super) grace: i64,
    pub(super) rise: u32,
    pub(super) fall: u32,
    /// How many instances are expected. None: it does not count them.
    pub(super) instances: Option<u32>,
    pub(super) behind: Vec<usize>,
    pub(super) channels: Vec<usize>,
    /// Nobody ever beats for it while things go wrong.
    pub(super) is_never_heard: bool,
}

pub(super) fn moment(at: i64) -> Moment {
    Moment::from_millis(EPOCH.saturating_add(at))
}

/// A moment as milliseconds of the simulation.
pub(super) fn millis(moment: Moment) -> i64 {
    moment.as_millis().saturating_sub(EPOCH)
}

fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

impl Plan {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let channels = channels(dice);
        let watchers = if dice.chance(350) { 2 } else { 1 };
        let has_cluster = dice.chance(200);
        let pace = match dice.below(4) {
            _ if has_cluster => dice.between(4 * SECOND, 8 * SECOND),
            0 => dice.between(5 * SECOND, 40 * SECOND),
            1 | 2 => dice.between(MINUTE, 20 * MINUTE),
            _ => dice.between(HOUR, 20 * HOUR),
        };
        let mut checks = if has_cluster { cluster(dice, pace, channels.len()) } else { Vec::new() };
        let most = if dice.chance(150) { 8 } else { 4 };
        let own = if has_cluster { dice.below(2) } else { 1 + dice.below(most) };
        for _ in 0..own {
            let check = Planned::own(dice, checks.len(), pace, channels.len());
            checks.push(check);
        }
        let risks = RISKS.into_iter().filter(|_| dice.chance(350)).collect::<Vec<_>>();
        // Where several watchers share a store, its time is the server's, which steps for nobody. A deploy is dated by the prober's clock, and
        // what a schedule means when the clock steps is asked anew: the true time knows neither.
        let may_step = watchers == 1 && !has_cluster && checks.iter().all(Planned::is_periodic);
        // A mute ends at the time that somebody has named, by whatever clock.
        let may_step = may_step && !risks.contains(&Risk::Mute);
        let risks = risks.into_iter().filter(|risk| may_step || *risk != Risk::ClockStep);
        // Whoever is on no network has no store in common with others either.
        let risks = risks.filter(|risk| watchers == 1 || *risk != Risk::CutOff).collect();
        let works = if has_cluster { 150 } else { 12 + 6 * checks.len() } + dice.below(20);
        let sweep_every = if dice.chance(250) { 200 } else { dice.between(450, 850) };
        Self { checks, channels, watchers, pace, works, risks, sweep_every }
    }

    pub(super) fn settings(&self) -> MonitorSettings {
        let name = |at: &usize| self.channels[*at].name.clone();
        let expected = |planned: &Planned| Expected {
            name: planned.name.clone(),
            check: planned.check(),
            channels: planned.channels.iter().map(name).collect(),
            instances: planned.instances,
            plan: FollowUps::default(),
            behind: planned.behind.iter().map(|at| self.checks[*at].name.clone()).collect(),
        };
        MonitorSettings {
            name: "watcher".into(),
            app: "shop".into(),
            page_url: None,
            checks: self.checks.iter().map(expected).collect(),
            channels: self.channels.clone(),
            own_channels: self.channels.iter().map(|rule| rule.name.clone()).collect(),
            own_plan: FollowUps::default(),
            maintenance: Vec::new(),
            most_made: 0,
            keep: Keep { log: duration(400 * DAY), beats: duration(400 * DAY) },
            strangers_after: duration(MINUTE),
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.checks.iter().position(|planned| planned.name == name)
    }

    pub(super) fn has_cluster(&self) -> bool {
        self.named("prober").is_some()
    }
}

impl Planned {
    fn own(dice: &mut Dice, number: usize, pace: i64, channels: usize) -> Self {
        let (schedule, period) = if pace > MINUTE && dice.chance(400) {
            let zone = *dice.pick(&["UTC", "Europe/Riga", "America/New_York"]);
            let expression = *dice.pick(if pace > HOUR { &["0 3 * * *", "30 2,14 * * 1-5"] } else { &["*/10 * * * *", "5-55/15 * * * *"] });
            (Schedule::parse(expression, zone).unwrap(), pace)
        } else {
            let period = dice.between(pace / 2, pace * 2);
            (Schedule::Every(duration(period)), period)
        };
        Self {
            name: format!("job-{number}"),
            schedule,
            period,
            grace: dice.between(2 * SECOND, (pace / 2).max(4 * SECOND)),
            rise: 1 + u32::from(dice.chance(300)),
            fall: 1 + u32::from(dice.chance(300)) * 2,
            instances: None,
            behind: if number > 0 && dice.chance(250) { vec![dice.below(number)] } else { Vec::new() },
            channels: some_of(dice, channels),
            is_never_heard: dice.chance(60),
        }
    }

    pub(super) fn check(&self) -> Check {
        Check { schedule: self.schedule.clone(), grace: duration(self.grace), rise: self.rise, fall: self.fall, apart: None }
    }

    /// When the next beat is due after one at `heard`.
    pub(super) fn due(&self, heard: i64) -> i64 {
        millis(self.schedule.next(moment(heard)))
    }

    /// Whether a beat at `heard` counts for the time at which it is due: it comes shortly before that.
    pub(super) fn is_early(&self, due: i64, heard: i64) -> bool {
        !self.is_periodic() && (1..=EARLY).contains(&(due - heard))
    }

    pub(super) fn is_periodic(&self) -> bool {
        matches!(self.schedule, Schedule::Every(_))
    }
}

fn channels(dice: &mut Dice) -> Vec<ChannelRule> {
    let names = ["ops", "mail", "pager"];
    let count = 1 + dice.below(names.len());
    let rule = |at: usize, fallback: Option<usize>| ChannelRule {
        name: names[at].to_owned(),
        fallback: fallback.map(|at| names[at].to_owned()),
        say: None,
        timeout: duration(5 * SECOND),
    };
    (0..count).map(|at| rule(at, (count > 1 && dice.chance(200)).then_some((at + 1) % count))).collect()
}

fn some_of(dice: &mut Dice, channels: usize) -> Vec<usize> {
    let first = dice.below(channels);
    (0..channels).filter(|at| *at == first || dice.chance(500)).collect()
}

/// What a prober and the heartbeats of two colours make of it.
fn cluster(dice: &mut Dice, pace: i64, channels: usize) -> Vec<Planned> {
    let heard_by = some_of(dice, channels);
    let part = |name: &str, instances: Option<u32>| Planned {
        name: name.to_owned(),
        schedule: Schedule::Every(duration(pace)),
        period: pace,
        grace: pace * 2,
        rise: 2,
        fall: 3,
        instances,
        behind: Vec::new(),
        channels: heard_by.clone(),
        is_never_heard: false,
    };
    let count = |dice: &mut Dice| Some(1 + u32::try_from(dice.below(3)).unwrap_or(0));
    let (blue, green) = (count(dice), count(dice));
    vec![
        part("prober", None),
        part("blue", None),
        part("green", None),
        part("proxy", None),
        part("heartbeat-blue", blue),
        part("heartbeat-green", green),
    ]
}
