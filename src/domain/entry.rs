//! An entry of the journal, and the lease on it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::colour::Colour;
use super::moment::{Moment, age};
use super::switch::Phase;

/// What an entry of the journal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The live colour changes.
    Switch,
    /// A colour's instances are replaced.
    Deploy,
    /// A colour gets more or fewer instances.
    Scale,
    /// A colour's instances are stopped.
    Stop,
}

/// One switch, deploy, scale or stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1.
    pub id: i64,
    /// The highest epoch that it has used.
    pub epoch: u64,
    /// Which of them.
    pub what: What,
    /// Who asked for which colour, and why.
    #[serde(flatten)]
    pub asked: Asked,
    /// The colour that was live when it began; none was undefined.
    pub origin: Option<Colour>,
    /// Where it stands. An order about instances is intended until it is over: done, refused (it failed) or interrupted (its time was over).
    pub phase: Phase,
    /// Why it ended as it did.
    pub reason: Option<String>,
    /// The last lines of the user's own commands, where they carried it out.
    #[serde(default)]
    pub output: Option<String>,
    /// Every phase that it has reached, oldest first.
    pub steps: Vec<Step>,
    /// When it began.
    pub started_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The colour to go live, or whose instances are replaced.
    pub target: Colour,
    /// The version that is deployed.
    pub version: Option<String>,
    /// Who asked: user and host.
    pub by: String,
    /// Why the gate was skipped, if it was.
    pub forced: Option<String>,
    /// How many instances the colour is to have; none where their number stays as it was.
    #[serde(default)]
    pub instances: Option<u32>,
}

/// A phase that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub phase: Phase,
    /// When.
    pub at: Moment,
    /// What is worth knowing about it.
    pub note: Option<String>,
}

/// Who is at it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who asked.
    pub holder: String,
    /// Which of them.
    pub what: What,
    /// Of or to this colour.
    pub target: Colour,
    /// Since when.
    pub since: Moment,
    /// Its epoch.
    pub epoch: u64,
    /// The journal's entry.
    pub entry: i64,
    /// When it is over at the latest.
    pub until: Moment,
}

/// What came of asking for the lease.
#[derive(Debug)]
pub enum Taken {
    /// It is ours; the entry stands in the journal as intended.
    Ours(Entry),
    /// Somebody else has it.
    Locked(Lease),
}

/// A deploy or switch that is about to begin.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Which of them.
    pub what: What,
    /// Who asked for which colour, and why.
    pub asked: Asked,
    /// The live colour; none is undefined.
    pub origin: Option<Colour>,
    /// The epoch that the proxy has seen last.
    pub proxy_epoch: u64,
    /// When it is over at the latest.
    pub until: Moment,
    /// How many instances the colour has where no order has said so.
    pub configured: u32,
}

impl What {
    /// The word in journal and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Deploy => "deploy",
            Self::Scale => "scale",
            Self::Stop => "stop",
        }
    }

    /// Whether it is about a colour's instances, and ends when whoever does it says so.
    #[must_use]
    pub fn is_of_instances(self) -> bool {
        match self {
            Self::Switch => false,
            Self::Deploy | Self::Scale | Self::Stop => true,
        }
    }
}

impl FromStr for What {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Switch, Self::Deploy, Self::Scale, Self::Stop];
        all.into_iter().find(|what| what.as_str() == word).ok_or_else(|| format!("\"{word}\" is nothing that a journal is about"))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Lease {
    /// `a switch to green by ann@desk has been under way for 12s`.
    #[must_use]
    pub fn under_way(&self, now: Moment) -> String {
        match now.since(self.since) {
            passed if passed.as_secs() == 0 => format!("{self} has just begun"),
            passed => format!("{self} has been under way for {}", age(passed)),
        }
    }
}

/// `a switch to green by ann@desk`.
impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = match self.what {
            What::Switch => "to",
            What::Deploy | What::Scale | What::Stop => "of",
        };
        write!(f, "a {} {to} {} by {}", self.what, self.target, self.holder)
    }
}
