//! What was found out, and how it looks.

use crate::cli::screen::Paint;
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::monitor::overview::{CheckView, Overview};
use crate::proxy::control::Pauses;
use crate::release::ProberState;
use crate::runtime::process::control::UpState;

/// What was found out, and who did not answer.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    /// The app's name.
    pub(super) app: &'a str,
    /// Now.
    pub(super) now: Moment,
    /// How many columns a line may take.
    pub(super) columns: usize,
    /// What the prober says, or why nothing.
    pub(super) prober: Result<&'a ProberState, &'a String>,
    /// What the watcher says, or why nothing.
    pub(super) watcher: Result<&'a Overview, &'a String>,
    /// What the supervisor says.
    pub(super) up: Option<&'a UpState>,
    /// What the proxy says that keeps visitors away on purpose.
    pub(super) pauses: Option<&'a Pauses>,
}

impl<'a> Sight<'a> {
    /// The live colour; none is *undefined*.
    pub(super) fn live(&self) -> Option<Colour> {
        self.prober.ok().and_then(|state| state.live)
    }

    /// A check that the watcher knows.
    pub(super) fn check(&self, name: &str) -> Option<&'a CheckView> {
        self.watcher.ok()?.checks.iter().find(|check| check.name == name)
    }
}

/// What a person reads about health.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Working,
    Poorly,
    NotWorking,
    Unknown,
    Stopped,
    Paused,
}

impl Health {
    pub(super) fn of(status: Status) -> Self {
        match status {
            Status::Up | Status::Late | Status::Failing => Self::Working,
            Status::Poorly => Self::Poorly,
            Status::Down => Self::NotWorking,
            Status::New => Self::Unknown,
            Status::Stopped => Self::Stopped,
            Status::Paused => Self::Paused,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Working => "● working",
            Self::Poorly => "▲ doing poorly",
            Self::NotWorking => "✖ not working",
            Self::Unknown => "? not known",
            Self::Stopped => "■ stopped",
            Self::Paused => "■ paused",
        }
    }

    pub(super) fn shape(self) -> char {
        self.words().chars().next().unwrap_or(' ')
    }

    pub(super) fn painted(self, paint: Paint, text: impl std::fmt::Display) -> String {
        match self {
            Self::Working => paint.good(text),
            Self::Poorly => paint.poor(text),
            Self::NotWorking => paint.bad(text),
            Self::Unknown | Self::Stopped | Self::Paused => paint.faint(text),
        }
    }
}
