//! The client of a watcher's orders.

use std::time::Duration;

use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::orders::{AckOrder, Acknowledged, ConfigView, QuietOrder, ResumeOrder, Resumed};
use crate::domain::quiet::Quiet;
use crate::net::client::{ClientError, explain, http};

/// Why a watcher did not do it.
#[derive(Debug, thiserror::Error)]
pub enum WatcherError {
    /// It does not answer.
    #[error("{0}")]
    Silent(String),
    /// The token is wrong.
    #[error("{0}")]
    Unauthorized(String),
    /// It refused, and said why.
    #[error("{0}")]
    Refused(String),
}

/// A watcher's orders, from afar.
#[derive(Debug, Clone)]
pub struct WatcherRemote {
    client: Client,
    url: String,
    token: String,
}

impl WatcherRemote {
    /// For the watcher at this URL; each call gives up after `limit`.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(url: &str, token: String, limit: Duration) -> Result<Self, ClientError> {
        Ok(Self { client: http(limit)?, url: url.trim_end_matches('/').to_owned(), token })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Acknowledges an incident.
    ///
    /// # Errors
    /// Where it does not answer, or there is no such incident.
    pub async fn acknowledge(&self, order: &AckOrder) -> Result<Acknowledged, WatcherError> {
        self.order("acknowledge", order).await
    }

    /// Mutes or pauses a check.
    ///
    /// # Errors
    /// Where it does not answer, or there is no such check.
    pub async fn quiet(&self, order: &QuietOrder) -> Result<Quiet, WatcherError> {
        self.order("quiet", order).await
    }

    /// Ends a mute or a pause.
    ///
    /// # Errors
    /// Where it does not answer, or the check is not quiet.
    pub async fn resume(&self, order: &ResumeOrder) -> Result<Resumed, WatcherError> {
        self.order("resume", order).await
    }

    /// Has the config read anew.
    ///
    /// # Errors
    /// Where it does not answer, or with everything that is wrong with the config.
    pub async fn reload(&self) -> Result<ConfigView, WatcherError> {
        self.order("reload", &()).await
    }

    async fn order<O: Serialize + Sync, A: DeserializeOwned>(&self, what: &str, order: &O) -> Result<A, WatcherError> {
        let silent = |why: String| WatcherError::Silent(format!("the watcher does not answer on {}: {why}", self.url));
        let request = self.client.post(format!("{}/v1/{what}", self.url)).bearer_auth(&self.token).json(order);
        let answer = request.send().await.map_err(|error| silent(explain(error)))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| silent(explain(error)))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| silent(format!("what it says was not understood: {error}")));
        }
        let said = serde_json::from_slice::<serde_json::Value>(&body).ok().and_then(|said| Some(said["error"].as_str()?.to_owned()));
        let said = said.unwrap_or_else(|| format!("what answers on {} is no watcher of ours: it says {}", self.url, status.as_u16()));
        match status.as_u16() {
            401 => Err(WatcherError::Unauthorized(said)),
            503 => Err(silent(said)),
            _ => Err(WatcherError::Refused(said)),
        }
    }
}
