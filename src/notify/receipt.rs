//! How telling ends.

use std::time::Duration;

use crate::net::client::ClientError;
use crate::settings::SecretError;

/// What the receiver said when it took a notice, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub String);

/// Why a notice was not taken. Neither variant has a URL or a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may be taken later.
    #[error("{why}")]
    Retry {
        /// In the user's words.
        why: String,
        /// How long the receiver asked us to wait.
        after: Option<Duration>,
    },
    /// It will not be taken like this, however often it is sent.
    #[error("{why}")]
    Permanent {
        /// In the user's words.
        why: String,
    },
}

impl SendError {
    pub(super) fn retry(why: impl Into<String>) -> Self {
        Self::Retry { why: why.into(), after: None }
    }

    pub(super) fn permanent(why: impl Into<String>) -> Self {
        Self::Permanent { why: why.into() }
    }

    /// Whether trying again is of no use.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Permanent { .. })
    }
}

/// Why a channel cannot be used as it is configured. Says which, and what to do; never shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Its secret cannot be read.
    #[error("channel \"{0}\": {1}")]
    Secret(String, SecretError),
    /// A setting is not what it must be.
    #[error("channel \"{0}\": {1}")]
    Setting(String, String),
    /// No client can be made.
    #[error("channel \"{0}\": {1}")]
    Client(String, ClientError),
}
