//! What is known of a beat besides what it says: how it came, and of which run of the work it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::check::Check;
use super::schedule::Schedule;

/// How a beat came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// From where. None: from this process.
    pub address: Option<String>,
    /// The HTTP method of a ping.
    pub method: Option<String>,
    /// What the client calls itself.
    pub agent: Option<String>,
    /// The run of the work, where its sender names one.
    pub work: Option<Uuid>,
    /// How the work ended.
    pub exit_status: Option<u8>,
    /// Why it does not count.
    pub ignored: Option<Ignored>,
    /// What is expected of the check, if this beat makes it.
    pub making: Option<Made>,
}

/// Why a beat does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// A chat program or a search engine looked where the link leads.
    Crawler,
    /// The check takes POST alone.
    Method,
}

impl Ignored {
    /// For people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crawler => "a link preview, not a beat",
            Self::Method => "this check takes POST alone",
        }
    }
}

/// What is expected of a check that was made by its first beat, or through the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its ping address.
    pub uuid: Uuid,
    /// How often it is due, in milliseconds.
    pub period_ms: u64,
    /// How long past due before it is down, in milliseconds.
    pub grace_ms: u64,
}

impl Made {
    /// The grace, in milliseconds, of a check that is made with this period and says nothing of it.
    #[must_use]
    pub fn usual_grace_ms(period_ms: u64) -> u64 {
        let grace = Schedule::Every(Duration::from_millis(period_ms)).usual_grace();
        u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)
    }

    /// As a check of the config would be.
    #[must_use]
    pub fn check(&self) -> Check {
        let period = Duration::from_millis(self.period_ms);
        Check { schedule: Schedule::Every(period), grace: Duration::from_millis(self.grace_ms), rise: 1, fall: 1, apart: None }
    }
}
