//! What the pages need besides the monitor: who may come in, and what is public.

use crate::monitor::{PageSettings, PublicSettings};
use crate::signing::Key;

/// What the pages need.
#[derive(Debug)]
pub struct Door {
    /// Who may come in.
    pub settings: PageSettings,
    /// What is public.
    pub public: PublicSettings,
    /// Signs sign-ins: made of the watcher's token, so that a new token ends them all.
    pub key: Key,
    /// Where people find the watcher.
    pub url: String,
    /// Its listener speaks TLS.
    pub is_tls: bool,
}

impl Door {
    /// Whether people come by HTTPS, to us or to what the config says is in front of us.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_tls || self.url.starts_with("https://")
    }

    /// Where people find the public view.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.public.url.clone().unwrap_or_else(|| format!("{}/public", self.url.trim_end_matches('/')))
    }
}
