//! A change of status, and its reason.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::status::Status;

/// Why a status changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "label", rename_all = "snake_case")]
pub enum Reason {
    /// Nothing came until the deadline.
    Silent {
        /// The last beat.
        last_heard: Option<Moment>,
        /// What *bye* said.
        farewell: Option<String>,
        /// The deadline had been moved, because we were blind when it fell.
        forgiven: bool,
    },
    /// A start was never followed by an end.
    NeverEnded {
        /// The start.
        started: Moment,
    },
    /// Bad answers.
    Failing {
        /// The last one, in the user's words.
        what: String,
        /// How many in a row.
        times: u32,
    },
    /// Slow answers.
    Slow {
        /// The last one, in the user's words.
        what: String,
    },
    /// Well again.
    Recovered,
}

impl Reason {
    /// Whether nothing was heard, rather than something bad.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silent { .. } | Self::NeverEnded { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { last_heard, farewell, forgiven } => {
                match last_heard {
                    Some(last) => write!(f, "no beat since {last}")?,
                    None => f.write_str("never heard")?,
                }
                if let Some(words) = farewell {
                    write!(f, "; it said bye: {words}")?;
                }
                if *forgiven {
                    f.write_str("; its deadline was moved once, because the watcher had been blind")?;
                }
                Ok(())
            }
            Self::NeverEnded { started } => write!(f, "started at {started} and never ended"),
            Self::Failing { what, times: 1 } => f.write_str(what),
            Self::Failing { what, times } => write!(f, "{what} ({times} times in a row)"),
            Self::Slow { what } => write!(f, "too slow: {what}"),
            Self::Recovered => f.write_str("well again"),
        }
    }
}

/// A change of status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flip {
    /// Before.
    pub from: Status,
    /// After.
    pub to: Status,
    /// When it fell: the deadline, or the arrival of the beat that decided it.
    pub at: Moment,
    /// When the trouble began: the deadline, or the first bad answer of the run. For a recovery, `at`.
    pub since: Moment,
    /// `since` by the clock of whoever saw it first: the incident's key is made of it.
    pub key_at: Moment,
    /// Why.
    pub reason: Reason,
}
