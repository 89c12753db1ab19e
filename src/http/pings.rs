//! What the ping URLs need.

use std::net::IpAddr;
use std::time::Duration;

use uuid::Uuid;

use super::directory::Directory;
use super::keys::{self, ApiKey};
use super::pace::{Pace, household};
use crate::clock;
use crate::domain::beat::Beat;
use crate::monitor::{May, PingSettings};

const MINUTE: Duration = Duration::from_secs(60);

/// Which checks there are, who may ping them by name, and how often.
#[derive(Debug)]
pub struct Pings {
    pub(super) directory: Directory,
    pub(super) settings: PingSettings,
    pub(super) keys: Vec<ApiKey>,
    pub(super) url: String,
    by_check: Pace<String>,
    by_address: Pace<IpAddr>,
    by_sender: Pace<(String, Uuid)>,
}

impl Pings {
    /// `keys` of those who may ping stand in `/ping/KEY/SLUG`; `url` is where people find us.
    #[must_use]
    pub fn new(directory: Directory, settings: PingSettings, keys: Vec<ApiKey>, url: String) -> Self {
        Self { directory, settings, keys, url, by_check: Pace::default(), by_address: Pace::default(), by_sender: Pace::default() }
    }

    /// Whether somebody with this key may ping by name. Takes the same time for each.
    pub(super) fn is_key(&self, given: &str) -> bool {
        keys::find(&self.keys, given).is_some_and(|key| key.may.allows(May::Ping))
    }

    /// Another request from this address.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn from(&self, address: IpAddr) -> Result<(), Duration> {
        let most = self.settings.per_address;
        self.by_address.take(household(address), MINUTE / most, most, clock::elapsed())
    }

    /// Another signed beat of a sender that has promised to send one every so often: twice as often is taken, and many at once.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn signed(&self, beat: &Beat) -> Result<(), Duration> {
        const AT_ONCE: u32 = 100;
        let Some(every_ms) = beat.every_ms else { return Ok(()) };
        let sender = (beat.check.clone(), beat.identity.run);
        self.by_sender.take(sender, Duration::from_millis(every_ms) / 2, AT_ONCE, clock::elapsed())
    }

    /// Another ping of this check.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn of(&self, check: &str) -> Result<(), Duration> {
        let most = self.settings.per_check;
        self.by_check.take(check.to_owned(), MINUTE / most, most, clock::elapsed())
    }
}
