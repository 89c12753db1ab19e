//! What one channel is to be told.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::colour::Colour;
use super::incident::Incident;
use super::moment::Moment;
use super::role::Role;
use super::severity::Severity;
use super::status::Status;

/// The type of a notice, as a webhook's `type` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// A check is down.
    #[serde(rename = "check.down")]
    CheckDown,
    /// A check is doing poorly.
    #[serde(rename = "check.poorly")]
    CheckPoorly,
    /// A check is well again.
    #[serde(rename = "check.resolved")]
    CheckResolved,
    /// An incident that has become graver: told again.
    #[serde(rename = "check.reminder")]
    CheckReminder,
    /// We could not hear for a time.
    #[serde(rename = "watcher.blind")]
    WatcherBlind,
    /// The clock of the watcher's host was set.
    #[serde(rename = "clock.step")]
    ClockStep,
    /// Another channel takes nothing.
    #[serde(rename = "channel.dead")]
    ChannelDead,
    /// The channel's own all's well.
    #[serde(rename = "channel.well")]
    ChannelWell,
    /// Sent by `allswell test-channel`.
    #[serde(rename = "channel.test")]
    ChannelTest,
    /// A switch has been done.
    #[serde(rename = "switch.done")]
    SwitchDone,
    /// A switch has been taken back, or should have been and could not.
    #[serde(rename = "switch.reverted")]
    SwitchReverted,
}

impl NoticeKind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckDown => "check.down",
            Self::CheckPoorly => "check.poorly",
            Self::CheckResolved => "check.resolved",
            Self::CheckReminder => "check.reminder",
            Self::WatcherBlind => "watcher.blind",
            Self::ClockStep => "clock.step",
            Self::ChannelDead => "channel.dead",
            Self::ChannelWell => "channel.well",
            Self::ChannelTest => "channel.test",
            Self::SwitchDone => "switch.done",
            Self::SwitchReverted => "switch.reverted",
        }
    }

    /// Whether it says that something is in trouble: an end follows.
    #[must_use]
    pub fn is_beginning(self) -> bool {
        matches!(self, Self::CheckDown | Self::CheckPoorly | Self::CheckReminder | Self::ChannelDead)
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One notice. Its key is the same on every repeat: a receiver can tell a repeat by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Unique for incident, channel and kind.
    pub key: String,
    /// What it says.
    pub kind: NoticeKind,
    /// When it was written.
    pub at: Moment,
    /// What it is about.
    pub subject: Subject,
    /// When the trouble began.
    pub since: Moment,
    /// Why, in the user's words.
    pub reason: String,
    /// How long it lasted, for a resolution.
    pub duration_seconds: Option<u64>,
    /// The other checks that this incident explains.
    pub also: Vec<String>,
    /// Where to look: the status page.
    pub url: Option<String>,
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The incident's key.
    pub incident: String,
    /// The app's name.
    pub app: String,
    /// The check's name.
    pub check: String,
    /// Its status.
    pub status: Status,
    /// How grave.
    pub severity: Severity,
    /// The colour concerned.
    pub colour: Option<Colour>,
    /// Which colour is live; none is *undefined*.
    pub live: Option<Colour>,
}

/// The key of what `channel` is told about `incident`.
#[must_use]
pub fn key(incident: &str, kind: NoticeKind, channel: &str) -> String {
    format!("{incident}/{kind}/{channel}")
}

impl Notice {
    /// The notice of an incident, without its key: the caller knows the channel.
    #[must_use]
    pub fn about(incident: &Incident, app: &str, live: Option<Colour>, colour: Option<Colour>, at: Moment) -> Self {
        let kind = match (incident.resolved_at, incident.status) {
            (Some(_), _) => NoticeKind::CheckResolved,
            (None, Status::Poorly) => NoticeKind::CheckPoorly,
            (None, _) => NoticeKind::CheckDown,
        };
        Self {
            key: String::new(),
            kind,
            at,
            subject: Subject {
                incident: incident.key.clone(),
                app: app.to_owned(),
                check: incident.check.clone(),
                status: if incident.resolved_at.is_some() { Status::Up } else { incident.status },
                severity: incident.severity,
                colour,
                live,
            },
            since: incident.since,
            reason: incident.reason.to_string(),
            duration_seconds: incident.resolved_at.map(|end| end.since(incident.since).as_secs()),
            also: incident.members().to_vec(),
            url: None,
        }
    }

    /// The same for one channel.
    #[must_use]
    pub fn for_channel(mut self, channel: &str) -> Self {
        self.key = key(&self.subject.incident, self.kind, channel);
        self
    }

    /// How many, instead of a name that says nothing.
    fn group_headline(&self) -> String {
        let (app, count) = (&self.subject.app, self.also.len());
        match self.kind {
            NoticeKind::CheckResolved => format!("{app}: the {count} checks that went down together are working again"),
            NoticeKind::CheckReminder if self.subject.status == Status::Poorly => format!("{app}: {count} checks are still doing poorly"),
            NoticeKind::CheckReminder => format!("{app}: {count} checks are still not working"),
            NoticeKind::CheckPoorly => format!("{app}: {count} checks are doing poorly"),
            NoticeKind::CheckDown
            | NoticeKind::WatcherBlind
            | NoticeKind::ClockStep
            | NoticeKind::ChannelDead
            | NoticeKind::ChannelWell
            | NoticeKind::ChannelTest
            | NoticeKind::SwitchDone
            | NoticeKind::SwitchReverted => format!("{app}: {count} checks are not working"),
        }
    }

    /// One line that says it all: what, which colour and whether it is live.
    #[must_use]
    pub fn headline(&self) -> String {
        let Subject { app, check, colour, live, .. } = &self.subject;
        let standing = match (colour, live) {
            (Some(_), None) => " (live colour undefined)".to_owned(),
            (Some(colour), Some(live)) if colour == live => " (live)".to_owned(),
            (Some(_), Some(_)) => " (idle)".to_owned(),
            (None, _) => String::new(),
        };
        if Role::of(check) == Role::Group {
            return self.group_headline();
        }
        match self.kind {
            NoticeKind::CheckDown => format!("{app}: {check}{standing} is not working"),
            NoticeKind::CheckPoorly => format!("{app}: {check}{standing} is doing poorly"),
            NoticeKind::CheckResolved => format!("{app}: {check}{standing} is working again"),
            NoticeKind::CheckReminder if self.subject.status == Status::Poorly => format!("{app}: {check}{standing} is still doing poorly"),
            NoticeKind::CheckReminder => format!("{app}: {check}{standing} is still not working"),
            NoticeKind::WatcherBlind => format!("{app}: the watcher was blind"),
            NoticeKind::ClockStep => format!("{app}: the clock of the watcher's host has stepped"),
            NoticeKind::ChannelDead => format!("{app}: {check} takes no notices"),
            NoticeKind::ChannelWell => format!("{app}: all's well with this channel"),
            NoticeKind::ChannelTest => format!("{app}: a test of this channel"),
            NoticeKind::SwitchDone => format!("{app}: switched"),
            NoticeKind::SwitchReverted => format!("{app}: a switch went wrong"),
        }
    }
}
