//! The supervisor's control socket (`up.sock`), as whoever drives it sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::net::unix::{Lines, UnixError};

/// `GET /v1/state`, and the answer to `POST /v1/replace`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpState {
    /// Watcher, prober, proxy and the heartbeats.
    pub parts: Vec<PartState>,
    /// The app's instances, blue first.
    pub instances: Vec<InstanceState>,
}

impl UpState {
    /// The instances of one colour.
    pub fn colour(&self, colour: Colour) -> impl Iterator<Item = &InstanceState> {
        self.instances.iter().filter(move |instance| instance.colour == colour)
    }
}

/// One part that `up` keeps running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartState {
    /// `watcher`, `prober`, `proxy`, `heartbeat-blue-1`, ...
    pub name: String,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// When that process was started.
    pub since: Option<Moment>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// Whether it runs now.
    pub running: bool,
}

/// One instance of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceState {
    /// Its colour.
    pub colour: Colour,
    /// Its number in the colour, from 1.
    pub number: u32,
    /// Where it listens, `host:port`.
    pub address: String,
    /// The version that was deployed, where one was given.
    pub version: Option<String>,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// When that process was started.
    pub since: Option<Moment>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// Whether it runs now.
    pub running: bool,
    /// Where its output goes.
    pub log: PathBuf,
}

/// `POST /v1/replace`: stops a colour's instances and starts new ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceOrder {
    /// The colour.
    pub colour: Colour,
    /// The version of the new instances; none: the same as before.
    #[serde(default)]
    pub version: Option<String>,
}

/// Why the supervisor did not do it.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Nobody answers on the socket.
    #[error("up does not answer on {0}: {1}. Is `allswell up` running?")]
    Silent(PathBuf, String),
    /// A refusal, in its words.
    #[error("up refused: {0}")]
    Refused(String),
}

/// The client of a supervisor's control socket.
#[derive(Debug, Clone)]
pub struct UpControl {
    lines: Lines,
    limit: Duration,
}

impl UpControl {
    /// For the socket at this path; each call gives up after `limit`. A replacement lasts as long as the old instances take to stop.
    #[must_use]
    pub fn new(socket: &Path, limit: Duration) -> Self {
        Self { lines: Lines::to(socket), limit }
    }

    /// What runs.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn state(&self) -> Result<UpState, UpError> {
        self.call(Method::GET, "/v1/state", None::<&()>).await
    }

    /// Replaces a colour's instances; answers once the old ones have ended and the new ones are started.
    ///
    /// # Errors
    /// Where nobody answers in time, or the version cannot be one.
    pub async fn replace(&self, order: &ReplaceOrder) -> Result<UpState, UpError> {
        self.call(Method::POST, "/v1/replace", Some(order)).await
    }

    /// Tells it to end everything in order. It answers before it has done so; the socket is gone when all has ended.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn stop(&self) -> Result<(), UpError> {
        self.call(Method::POST, "/v1/stop", None::<&()>).await
    }

    async fn call<A: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&(impl Serialize + Sync)>) -> Result<A, UpError> {
        self.lines.request(method, path, body, self.limit).await.map_err(|error| match error {
            UnixError::Unreachable(why) => UpError::Silent(self.lines.socket().to_owned(), why),
            UnixError::Refused(_, why) => UpError::Refused(why),
        })
    }
}
