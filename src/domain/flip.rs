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
    /// Passes that follow each other too fast.
    TooOften {
        /// The last one, in the user's words.
        what: String,
    },
    /// Fewer instances are well than are expected.
    Missing {
        /// How many are well.
        well: u32,
        /// How many are expected.
        expected: u32,
        /// Those that are not, and why.
        absent: Vec<Absent>,
        /// How many were never heard, past the deadline of their first beat.
        never_heard: u32,
    },
    /// Many checks at once, told as one.
    Together {
        /// Which.
        checks: Vec<String>,
        /// When anybody was heard last.
        heard_at: Option<Moment>,
        /// Nothing at all was heard since before the first of them was due: the common cause may be the watcher's own.
        may_be_ours: bool,
    },
    /// Well again.
    Recovered,
}

/// An instance that is not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: Reason,
}

impl Reason {
    /// Whether nothing was heard, rather than something bad.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        match self {
            Self::Silent { .. } | Self::NeverEnded { .. } => true,
            Self::Missing { absent, .. } => absent.iter().all(|absent| absent.why.is_silence()),
            Self::Failing { .. } | Self::Slow { .. } | Self::TooOften { .. } | Self::Together { .. } | Self::Recovered => false,
        }
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
            Self::TooOften { what } => write!(f, "too often: {what}"),
            Self::Missing { well, expected, absent, never_heard } => missing(f, (*well, *expected), absent, *never_heard),
            Self::Together { checks, heard_at, may_be_ours } => together(f, checks, *heard_at, *may_be_ours),
            Self::Recovered => f.write_str("well again"),
        }
    }
}

/// `backup, mail, ... and 4 more`: the first names of a list.
#[must_use]
pub fn first_of(names: &[String]) -> String {
    /// More names stand in the list that every channel has of them.
    const NAMED: usize = 8;
    let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = names.len() - named.len();
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

/// `12 checks went down together: backup, mail, ... and 4 more; nothing at all ...`.
fn together(f: &mut fmt::Formatter<'_>, checks: &[String], heard_at: Option<Moment>, may_be_ours: bool) -> fmt::Result {
    write!(f, "{} checks went down together: {}", checks.len(), first_of(checks))?;
    match heard_at {
        _ if !may_be_ours => Ok(()),
        Some(heard_at) => {
            write!(f, "; nothing at all was heard since {heard_at}: the common cause may be ours, on the way to this watcher")
        }
        None => f.write_str("; nothing at all was ever heard: the common cause may be ours, on the way to this watcher"),
    }
}

/// `1 of 3 instances is well; blue-2: no beat since ...; it said bye: ended with code 137; 1 was never heard`.
fn missing(f: &mut fmt::Formatter<'_>, (well, expected): (u32, u32), absent: &[Absent], never_heard: u32) -> fmt::Result {
    /// More names are counted and not written out.
    const NAMED: usize = 8;
    write!(f, "{well} of {expected} instances {} well", if well == 1 { "is" } else { "are" })?;
    for Absent { name, why } in absent.iter().take(NAMED) {
        let why = why.to_string();
        // Some say of whom they speak.
        if why.starts_with(name) { write!(f, "; {why}")? } else { write!(f, "; {name}: {why}")? }
    }
    if absent.len() > NAMED {
        write!(f, "; and {} more", absent.len() - NAMED)?;
    }
    match never_heard {
        0 => Ok(()),
        1 => f.write_str("; 1 was never heard"),
        count => write!(f, "; {count} were never heard"),
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
