//! One all's well, as it travels.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::colour::Colour;
use super::entry::Entry;
use super::moment::Moment;
use super::switch::Phase;

/// What a beat says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BeatKind {
    /// Work has begun. Never extends a deadline.
    Start,
    /// All's well.
    Success,
    /// Something is wrong.
    Fail,
    /// Worth keeping; changes nothing.
    Log,
    /// The sender ends on purpose. Gives the reason of the silence to come; lowers nothing that is expected.
    Bye,
}

impl BeatKind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Success => "success",
            Self::Fail => "fail",
            Self::Log => "log",
            Self::Bye => "bye",
        }
    }
}

impl fmt::Display for BeatKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// `POST /v1/beat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Flat")]
pub struct Beat {
    /// The name of the check that this beat is for.
    pub check: String,
    /// What it says.
    pub kind: BeatKind,
    /// Which sender, and which of its beats. With the key id: the beat's identity, so that a repeat changes nothing.
    #[serde(flatten)]
    pub identity: Identity,
    /// The sender's clock.
    pub sent_at: Moment,
    /// How often the sender means to beat, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// The colour that the sender belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// The version of the app that the sender stands beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the work found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The prober's alone: what is live, and what is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// Output worth keeping, at most 100 kB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Beat {
    /// A beat that says no more than this.
    #[must_use]
    pub fn new(check: impl Into<String>, kind: BeatKind, identity: Identity, sent_at: Moment) -> Self {
        Self {
            check: check.into(),
            kind,
            identity,
            sent_at,
            every_ms: None,
            colour: None,
            version: None,
            health: None,
            live: None,
            body: None,
        }
    }
}

/// A beat as it is read: each field by itself. By way of `flatten` each would be kept until all are there, and read a second time.
#[derive(Deserialize)]
struct Flat {
    check: String,
    kind: BeatKind,
    instance: String,
    run: Uuid,
    sequence: u64,
    sent_at: Moment,
    #[serde(default)]
    every_ms: Option<u64>,
    #[serde(default)]
    colour: Option<Colour>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    health: Option<Health>,
    #[serde(default)]
    live: Option<Live>,
    #[serde(default)]
    body: Option<String>,
}

impl From<Flat> for Beat {
    fn from(flat: Flat) -> Self {
        let Flat { check, kind, instance, run, sequence, sent_at, every_ms, colour, version, health, live, body } = flat;
        Self { check, kind, identity: Identity { instance, run, sequence }, sent_at, every_ms, colour, version, health, live, body }
    }
}

/// The sender's part of a beat's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The sender: a replica, a host.
    pub instance: String,
    /// Random at the sender's start.
    pub run: Uuid,
    /// Counts the sender's beats of this run, from 1.
    pub sequence: u64,
}

/// What an answer showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Showing {
    /// In time and as expected.
    Good,
    /// As expected, but slower than `slow`.
    Slow,
    /// An error, a refusal, a time-out.
    Bad,
    /// The process ended when nobody had asked it to. Counts at once.
    Exited,
}

/// What the work behind a beat found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What the answer showed.
    pub showing: Showing,
    /// How long the answer took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// In the user's words: `connection refused`, `answered 500`, `ended by signal 9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the present run of bad answers began, by the sender's clock. Part of the incident's key, so that whoever tells it tells it under one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// The channels that the sender has told of it itself, while nobody acknowledged its beats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
}

impl Health {
    /// An answer in time.
    #[must_use]
    pub fn good(latency_ms: u64) -> Self {
        Self { showing: Showing::Good, latency_ms: Some(latency_ms), reason: None, since: None, told: Vec::new() }
    }

    /// An answer that is not good, and why.
    #[must_use]
    pub fn not_good(showing: Showing, reason: impl Into<String>) -> Self {
        Self { showing, latency_ms: None, reason: Some(reason.into()), since: None, told: Vec::new() }
    }
}

/// What the prober knows of the cluster. The watcher acts on the last one heard, and shows its age.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The live colour; none is *undefined*: it could not be read.
    pub colour: Option<Colour>,
    /// The proxy's epoch.
    pub epoch: u64,
    /// Where the last switch stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// A deploy under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<DeployUnderWay>,
    /// How many instances of each colour are expected. None: the journal could not be read, and what was said last holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedInstances>,
    /// The newest entries of the journal, without their output: for who cannot ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal: Vec<Entry>,
}

/// How many instances of each colour are expected. 0: the colour is stopped on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedInstances {
    /// Of blue.
    pub blue: u32,
    /// Of green.
    pub green: u32,
}

impl ExpectedInstances {
    /// Of this colour.
    #[must_use]
    pub fn of(self, colour: Colour) -> u32 {
        match colour {
            Colour::Blue => self.blue,
            Colour::Green => self.green,
        }
    }
}

/// While this lasts, and no longer, the colour's checks are quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployUnderWay {
    /// The colour whose instances are being replaced.
    pub colour: Colour,
    /// The deploy's own deadline.
    pub until: Moment,
}
