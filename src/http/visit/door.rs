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
}

impl Door {
    /// Whether people come by HTTPS, as far as the config says it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// Where people find the public view.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.public.url.clone().unwrap_or_else(|| format!("{}/public", self.url.trim_end_matches('/')))
    }
}
