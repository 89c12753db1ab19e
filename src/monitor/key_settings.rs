//! `[[key]]`: who may ask the watcher's API, and for what.

use crate::settings::{Secret, Section};

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// To ping by `/ping/KEY/SLUG`.
    Ping,
    /// To read checks, beats, flips and incidents.
    Read,
    /// All of it, and to make and remove checks.
    Write,
}

impl May {
    /// Whether who may do this may do that.
    #[must_use]
    pub fn allows(self, wanted: Self) -> bool {
        match self {
            Self::Ping => wanted == Self::Ping,
            Self::Read => wanted == Self::Read,
            Self::Write => true,
        }
    }

    /// The word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// One `[[key]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// Whose it is; stands in logs.
    pub name: String,
    /// What it is good for.
    pub may: May,
    /// The key itself.
    pub secret: Option<Secret>,
}

impl KeySettings {
    /// Reads one `[[key]]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let name = section.text_required("name");
        let words = [May::Read, May::Write, May::Ping].map(|may| (may.as_str(), may));
        let may = section.one_of("may", &words).unwrap_or(May::Read);
        let secret = section.secret("secret");
        if secret.is_none() {
            section.error("secret", "is missing: { env = \"NAME\" } or { file = \"PATH\" }");
        }
        section.finish();
        Self { name, may, secret }
    }
}
