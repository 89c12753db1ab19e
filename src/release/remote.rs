//! The client of the prober's control.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::orders::{
    DeployEnd, DeployLease, DeployOrder, GateReport, ProberState, Refusal, RefusalKind, SwitchEnd, SwitchEvent, SwitchOrder,
};
use crate::domain::colour::Colour;
use crate::domain::switch::Phase;
use crate::monitor::orders::ConfigView;
use crate::net::plain::{Answer, ask};
use crate::store::Entry;

/// What is asked with nothing to say beside.
const NOTHING: Option<&()> = None;

/// Why the prober did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The prober, or what it needs for this, does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// Another deploy or switch is under way: says whose.
    #[error("{0}")]
    Locked(String),
    /// It cannot be done.
    #[error("{0}")]
    Refused(String),
    /// The token is wrong.
    #[error("{0}")]
    Unauthorized(String),
    /// The live colour is undefined.
    #[error("{0}")]
    Undefined(String),
    /// An answer that was not understood.
    #[error("{0}")]
    Other(String),
}

/// The prober's control, from afar.
#[derive(Debug, Clone)]
pub struct Remote {
    /// `HOST:PORT`.
    at: String,
    token: String,
    limit: Duration,
}

impl Remote {
    /// For the control that listens there (`HOST:PORT`); each call gives up after `limit`, a switch when nothing was heard for so long.
    #[must_use]
    pub fn new(at: &str, token: String, limit: Duration) -> Self {
        Self { at: at.to_owned(), token, limit }
    }

    /// What is live, what was probed, who is at it.
    ///
    /// # Errors
    /// Where the prober does not answer, or knows the token not.
    pub async fn state(&self) -> Result<ProberState, RemoteError> {
        self.call(Method::GET, "/v1/state", NOTHING, self.limit).await
    }

    /// The journal, newest first.
    ///
    /// # Errors
    /// As [`Remote::state`].
    pub async fn history(&self, limit: u32) -> Result<Vec<Entry>, RemoteError> {
        self.call(Method::GET, &format!("/v1/history?limit={limit}"), NOTHING, self.limit).await
    }

    /// Switches, and says each phase as it is reached.
    ///
    /// # Errors
    /// Where nothing was begun. What was begun ends as the phase of [`SwitchEnd`] says, unless the prober itself falls silent.
    pub async fn switch(&self, order: &SwitchOrder, mut each: impl FnMut(&SwitchEvent)) -> Result<SwitchEnd, RemoteError> {
        let mut answer = self.send(Method::POST, "/v1/switch", Some(order), self.limit).await?;
        let mut pending = Vec::new();
        let lost = |why: &str| RemoteError::Unreachable(format!("the prober fell silent during the switch ({why}): see allswell history"));
        loop {
            let piece = timeout(self.limit, answer.piece()).await.map_err(|_| lost("nothing heard in time"))?;
            let Some(piece) = piece.map_err(|error| lost(&error))? else { return Err(lost("the connection ended")) };
            pending.extend_from_slice(&piece);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let event: SwitchEvent = match serde_json::from_slice::<Line>(&line) {
                    Ok(Line::Event(event)) => event,
                    Ok(Line::Refusal(refusal)) => return Err(refused(refusal)),
                    Err(error) => return Err(RemoteError::Other(format!("the answer was not understood: {error}"))),
                };
                each(&event);
                if event.phase.is_over() || (!order.wait && event.phase == Phase::Verified) {
                    return Ok(SwitchEnd { phase: event.phase, reason: event.note });
                }
            }
        }
    }

    /// Takes the lease for a deploy.
    ///
    /// # Errors
    /// As [`Remote::state`]; and where another deploy or switch is under way.
    pub async fn begin_deploy(&self, order: &DeployOrder) -> Result<DeployLease, RemoteError> {
        self.call(Method::POST, "/v1/deploys", Some(order), self.limit).await
    }

    /// Waits for a colour's gate to open, up to `within`: at the colour's own addresses, or, where others are given (`HOST:PORT` each), until
    /// every instance there has passed its probes: new ones beside the colour's own, before they serve. A name stands for every address that it
    /// resolves to.
    ///
    /// # Errors
    /// As [`Remote::state`].
    pub async fn gate(&self, colour: Colour, within: Duration, at: &[String]) -> Result<GateReport, RemoteError> {
        let at: String = at.iter().map(|address| format!("&at={address}")).collect();
        let path = format!("/v1/gate?colour={colour}&within_ms={}{at}", within.as_millis());
        self.call(Method::GET, &path, NOTHING, self.limit + within).await
    }

    /// Frees a deploy's lease.
    ///
    /// # Errors
    /// As [`Remote::state`]; and where the deploy's time was over before.
    pub async fn end_deploy(&self, lease: &DeployLease, end: &DeployEnd) -> Result<(), RemoteError> {
        self.call(Method::POST, &format!("/v1/deploys/{}/end", lease.id), Some(end), self.limit).await
    }

    /// Has the config read anew.
    ///
    /// # Errors
    /// As [`Remote::state`]; and with everything that is wrong with the config.
    pub async fn reload(&self) -> Result<ConfigView, RemoteError> {
        self.call(Method::POST, "/v1/reload", NOTHING, self.limit).await
    }

    async fn call<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        limit: Duration,
    ) -> Result<A, RemoteError> {
        let answering = async {
            let answer = self.send(method, path, body, limit).await?.whole().await;
            let read = answer.and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string()));
            read.map_err(|error| RemoteError::Other(format!("the prober's answer was not understood: {error}")))
        };
        timeout(limit, answering).await.map_err(|_| self.silent("no answer in time"))?
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        limit: Duration,
    ) -> Result<Answer, RemoteError> {
        let mut request = Request::builder().method(method).uri(path).header(AUTHORIZATION, format!("Bearer {}", self.token));
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| RemoteError::Other(error.to_string()))?;
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let asked = timeout(limit, ask(&self.at, request, body.unwrap_or_default())).await;
        let answer = asked.map_err(|_| self.silent("no answer in time"))?.map_err(|error| self.silent(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = timeout(limit, answer.whole()).await.map_err(|_| self.silent("no answer in time"))?.unwrap_or_default();
        Err(match serde_json::from_slice::<Said>(&body) {
            Ok(said) if status == StatusCode::UNAUTHORIZED => RemoteError::Unauthorized(said.error),
            Ok(Said { kind: Some(kind), error }) => refused(Refusal { kind, error }),
            Ok(said) => RemoteError::Other(said.error),
            Err(_) => RemoteError::Other(format!("what answers on http://{} is no prober of ours: it says {}", self.at, status.as_u16())),
        })
    }

    fn silent(&self, why: &str) -> RemoteError {
        RemoteError::Unreachable(format!("the prober does not answer on http://{}: {why}", self.at))
    }
}

/// A line of the answer to a switch: mostly an event.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Event(SwitchEvent),
    Refusal(Refusal),
}

/// What an answer that is not a success says.
#[derive(Deserialize)]
struct Said {
    kind: Option<RefusalKind>,
    error: String,
}

fn refused(refusal: Refusal) -> RemoteError {
    match refusal.kind {
        RefusalKind::Locked => RemoteError::Locked(refusal.error),
        RefusalKind::Refused => RemoteError::Refused(refusal.error),
        RefusalKind::Undefined => RemoteError::Undefined(refusal.error),
        RefusalKind::Unreachable => RemoteError::Unreachable(refusal.error),
    }
}
