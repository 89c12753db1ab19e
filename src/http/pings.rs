//! What the ping URLs need.

use std::net::IpAddr;
use std::time::Duration;

use super::directory::Directory;
use super::pace::{Pace, household};
use crate::clock;
use crate::monitor::PingSettings;
use crate::signing::same;

const MINUTE: Duration = Duration::from_secs(60);

/// Which checks there are, who may ping them by name, and how often.
#[derive(Debug)]
pub struct Pings {
    pub(super) directory: Directory,
    pub(super) settings: PingSettings,
    keys: Vec<String>,
    by_check: Pace<String>,
    by_address: Pace<IpAddr>,
}

impl Pings {
    /// `keys` stand in `/ping/KEY/SLUG`.
    #[must_use]
    pub fn new(directory: Directory, settings: PingSettings, keys: Vec<String>) -> Self {
        Self { directory, settings, keys, by_check: Pace::default(), by_address: Pace::default() }
    }

    /// Whether somebody with this key may ping by name. Takes the same time for each.
    pub(super) fn is_key(&self, given: &str) -> bool {
        self.keys.iter().fold(false, |found, key| same(key, given) | found)
    }

    /// Another request from this address.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn from(&self, address: IpAddr) -> Result<(), Duration> {
        let most = self.settings.per_address;
        self.by_address.take(household(address), MINUTE / most, most, clock::elapsed())
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
