//! Somebody has seen to an incident.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// Who has seen to an incident, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// User and host.
    pub by: String,
    /// When.
    pub at: Moment,
    /// What they have to say about it.
    pub note: Option<String>,
}

/// `acknowledged by ann@desk (looking)`.
impl fmt::Display for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acknowledged by {}", self.by)?;
        self.note.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}
