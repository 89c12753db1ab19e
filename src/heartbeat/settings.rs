//! What a heartbeat is told.

use std::fmt;
use std::time::Duration;

use reqwest::Url;

use crate::domain::colour::Colour;
use crate::net::client::ClientError;
use crate::net::parcel::PATH;
use crate::notify::{ChannelError, ChannelSettings};
use crate::signing::Key;

/// Everything that a heartbeat is told.
pub struct Settings {
    /// What it beats for.
    pub subject: Subject,
    /// Who is to hear it.
    pub watchers: Vec<Watcher>,
    /// What signs its beats.
    pub key: Key,
    /// How often it beats.
    pub every: Duration,
    /// How long an answer may take: of the health URL and of each watcher.
    pub timeout: Duration,
    /// The app's health URL. None: that must have been said.
    pub health: Option<Url>,
    /// Whom it tells itself.
    pub outlets: Outlets,
}

/// What a heartbeat beats for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The app's name, for messages of its own.
    pub app: String,
    /// The check's name.
    pub check: String,
    /// Which replica this is.
    pub instance: String,
    /// The colour that it stands beside.
    pub colour: Option<Colour>,
    /// The version of the app that it stands beside.
    pub version: Option<String>,
}

/// The channels that a heartbeat tells by itself.
#[derive(Debug, Default)]
pub struct Outlets {
    /// All of them.
    pub channels: Vec<ChannelSettings>,
    /// The names of those that are told when no watcher acknowledges.
    pub fallback: Vec<String>,
    /// The channel that hears all's well, and how often.
    pub say: Option<(String, Duration)>,
}

/// Where a watcher takes beats.
#[derive(Clone, PartialEq, Eq)]
pub struct Watcher {
    /// `HOST:PORT`.
    pub name: String,
    /// Where beats go. May have secrets in it.
    pub url: Url,
}

/// Why a heartbeat cannot begin. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// No client can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A channel cannot be used.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

impl Watcher {
    /// The watcher at this URL.
    ///
    /// # Errors
    /// Where it is not a whole URL; does not repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let base = url(text)?;
        let host = base.host_str().unwrap_or_default();
        let name = format!("{host}:{}", base.port_or_known_default().unwrap_or(80));
        let mut url = base.clone();
        url.set_path(&format!("{}{PATH}", base.path().trim_end_matches('/')));
        Ok(Self { name, url })
    }

    /// The name of the check that stands for this watcher.
    #[must_use]
    pub fn check(&self) -> String {
        format!("watcher-{}", self.name)
    }
}

/// A whole URL of HTTP.
///
/// # Errors
/// Where it is none; does not repeat it, for it may be a secret.
pub fn url(text: &str) -> Result<Url, String> {
    let url = text.trim().parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "not a whole URL: one begins with http:// or https:// and has a host".to_owned())
}

/// Without its URLs, which may be secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Settings");
        shown.field("subject", &self.subject).field("watchers", &self.watchers).field("every", &self.every).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watcher({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_is_named_by_its_host_and_port_and_its_url_is_not_printed() {
        let watcher = Watcher::parse("https://user:hush@watch.example/base/").unwrap();
        assert_eq!(watcher.check(), "watcher-watch.example:443");
        assert_eq!(watcher.url.path(), "/base/v1/beat");
        assert_eq!(format!("{watcher:?}"), "Watcher(watch.example:443)");
        assert_eq!(Watcher::parse("http://127.0.0.1:7700").unwrap().url.as_str(), "http://127.0.0.1:7700/v1/beat");
        assert!(!Watcher::parse("watch.example/hush").unwrap_err().contains("hush"));
    }
}
