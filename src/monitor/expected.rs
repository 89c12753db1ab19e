//! What a monitor is told to expect, and who is to hear of it.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use foldhash::HashMap;

use crate::domain::check::Check;
use crate::domain::follow_up::Plan;
use crate::domain::grouping::told_as;
use crate::domain::maintenance::Window;
use crate::domain::role::Role;
use crate::domain::schedule::Schedule;

/// Something that is expected to beat, and who is told when it does not.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The check's name, unique.
    pub name: String,
    /// When it is due and how long it may be late.
    pub check: Check,
    /// The names of the channels that are told.
    pub channels: Vec<String>,
    /// How many instances are to beat, where nobody says otherwise. None: whoever beats stands for all.
    pub instances: Option<u32>,
    /// What is done while nobody acknowledges.
    pub plan: Plan,
    /// The checks whose trouble explains this one's.
    pub behind: Vec<String>,
}

/// What the courier knows of a channel besides how to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRule {
    /// The channel's name.
    pub name: String,
    /// Who is told what this one does not take. None: all others.
    pub fallback: Option<String>,
    /// How often it is told that all's well with it.
    pub say: Option<Duration>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// Everything that is expected, found by name at once.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    all: Vec<Expected>,
    places: HashMap<String, usize>,
}

impl Expectations {
    fn named(&self, name: &str) -> Option<&Expected> {
        self.all.get(*self.places.get(name)?)
    }
}

impl FromIterator<Expected> for Expectations {
    fn from_iter<T: IntoIterator<Item = Expected>>(all: T) -> Self {
        let all: Vec<Expected> = all.into_iter().collect();
        let places = all.iter().enumerate().map(|(place, expected)| (expected.name.clone(), place)).collect();
        Self { all, places }
    }
}

impl Deref for Expectations {
    type Target = [Expected];

    fn deref(&self) -> &[Expected] {
        &self.all
    }
}

impl DerefMut for Expectations {
    fn deref_mut(&mut self) -> &mut [Expected] {
        &mut self.all
    }
}

/// What a monitor is told.
#[derive(Debug, Clone)]
pub struct MonitorSettings {
    /// Whose monitor it is: `watcher`, or a watcher's own name, or `prober`.
    pub name: String,
    /// The app's name.
    pub app: String,
    /// The status page, for messages.
    pub page_url: Option<String>,
    /// Everything that is expected.
    pub checks: Expectations,
    /// Every channel.
    pub channels: Vec<ChannelRule>,
    /// The channels that hear of the monitor's own troubles.
    pub own_channels: Vec<String>,
    /// What is done while nobody acknowledges the monitor's own troubles.
    pub own_plan: Plan,
    /// When nothing is told of which checks.
    pub maintenance: Vec<Window>,
    /// So many checks at most may be made by their first beat, or through the API.
    pub most_made: u32,
    /// How long rows are kept.
    pub keep: Keep,
    /// Wrongly signed beats that go on for so long are told.
    pub strangers_after: Duration,
}

/// How long rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Pings, flips, and incidents with their notices. Default: 90 d.
    pub log: Duration,
    /// Beats of parts and of instances, of which there are many. Default: 1 d.
    pub beats: Duration,
}

impl MonitorSettings {
    /// What is expected under this name.
    #[must_use]
    pub fn expected(&self, name: &str) -> Option<&Expected> {
        self.checks.named(name)
    }

    /// Whether there is a channel of this name.
    #[must_use]
    pub fn has_channel(&self, name: &str) -> bool {
        self.channels.iter().any(|rule| rule.name == name)
    }

    /// What is done while nobody acknowledges an incident of this check.
    #[must_use]
    pub fn plan_of(&self, check: &str) -> &Plan {
        self.expected(told_as(check)).map_or(&self.own_plan, |expected| &expected.plan)
    }

    /// Who is told of a check. Of a channel that takes nothing, all others.
    #[must_use]
    pub fn channels_of(&self, check: &str) -> Vec<String> {
        let check = told_as(check);
        match (self.expected(check), check.strip_prefix("channel-")) {
            (Some(expected), _) => expected.channels.clone(),
            (None, Some(dead)) => self.channels.iter().map(|rule| rule.name.clone()).filter(|name| name != dead).collect(),
            (None, None) => self.own_channels.clone(),
        }
    }
}

impl Expected {
    /// The check as it is at present.
    #[must_use]
    pub fn at_pace(&self, every_ms: Option<u64>) -> Check {
        if self.is_at_own_pace() { self.check.at_pace(every_ms) } else { self.check.clone() }
    }

    /// A heartbeat is due as often as it says itself.
    #[must_use]
    pub fn is_at_own_pace(&self) -> bool {
        matches!(Role::of(&self.name), Role::Heartbeat(_))
    }
}

/// The period of a check; of a schedule, an hour stands for it where only an order of size is needed.
#[must_use]
pub(super) fn period(check: &Check) -> Duration {
    match check.schedule {
        Schedule::Every(period) => period,
        Schedule::Cron(_) | Schedule::Calendar(_) => Duration::from_secs(3_600),
    }
}
