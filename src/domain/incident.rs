//! From the flip to poorly or down until the flip to up.

use serde::{Deserialize, Serialize};

use super::colour::Colour;
use super::flip::{Flip, Reason};
use super::moment::Moment;
use super::role::Role;
use super::status::Status;

pub use super::severity::Severity;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The same wherever and by whomever it is told: the check's name and when the trouble began.
    pub key: String,
    /// The check's name.
    pub check: String,
    /// Poorly or down.
    pub status: Status,
    /// How grave it is now.
    pub severity: Severity,
    /// When the trouble began.
    pub since: Moment,
    /// Why.
    pub reason: Reason,
    /// The key of the incident that explains this one: then it is listed there and not told by itself.
    pub cause: Option<String>,
    /// How often the check has flipped within it.
    pub flips: u32,
    /// When it ended.
    pub resolved_at: Option<Moment>,
}

/// The key of the incident that a flip opens.
#[must_use]
pub fn key(check: &str, flip: &Flip) -> String {
    key_at(check, flip.key_at)
}

/// The key of the incident of a check whose trouble began then, by the clock of whoever saw it first.
#[must_use]
pub fn key_at(check: &str, since: Moment) -> String {
    format!("{check}-{}", since.as_millis())
}

/// The severity of a check that is poorly or down.
#[must_use]
pub fn severity(role: Role, status: Status, live: Option<Colour>) -> Severity {
    let down = role.severity(live);
    if status == Status::Poorly { down.lower() } else { down }
}

impl Incident {
    /// What it is about, for people: its check, or how many.
    #[must_use]
    pub fn subject(&self) -> String {
        match self.members().len() {
            0 => self.check.clone(),
            count => format!("{count} checks"),
        }
    }

    /// The checks that it was told of together, if it was.
    #[must_use]
    pub fn members(&self) -> &[String] {
        if let Reason::Together { checks, .. } = &self.reason { checks } else { &[] }
    }

    /// Opened by a flip to poorly or down.
    #[must_use]
    pub fn open(check: &str, flip: &Flip, live: Option<Colour>) -> Self {
        Self {
            key: key(check, flip),
            check: check.to_owned(),
            status: flip.to,
            severity: severity(Role::of(check), flip.to, live),
            since: flip.since,
            reason: flip.reason.clone(),
            cause: None,
            flips: 1,
            resolved_at: None,
        }
    }
}
