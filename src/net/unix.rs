//! HTTP over a Unix socket: one request, one JSON answer.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::client::io_words;

/// Answers larger than this are refused.
const LARGEST: usize = 16 * 1024 * 1024;

/// Why a request over a Unix socket failed.
#[derive(Debug, thiserror::Error)]
pub enum UnixError {
    /// Nobody answers there, or not in time.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that is not a success: its status and what it said.
    #[error("{1}")]
    Refused(StatusCode, String),
}

/// Sends one request, with a JSON body if given, and reads the JSON answer.
///
/// # Errors
/// Where nobody answers within `limit`, or where the answer is not a success.
pub async fn request<A: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&(impl Serialize + Sync)>,
    limit: Duration,
) -> Result<A, UnixError> {
    let unreachable = |error: String| UnixError::Unreachable(error);
    let body = body.map(serde_json::to_vec).transpose().map_err(|error| unreachable(error.to_string()))?.unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| unreachable(error.to_string()))?;
    let (status, bytes) = timeout(limit, exchange(socket, request)).await.map_err(|_| unreachable("no answer in time".to_owned()))??;
    if !status.is_success() {
        return Err(UnixError::Refused(status, String::from_utf8_lossy(&bytes).into_owned()));
    }
    serde_json::from_slice(&bytes).map_err(|error| unreachable(format!("the answer was not understood: {error}")))
}

async fn exchange(socket: &Path, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), UnixError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| UnixError::Unreachable(io_words(&error)))?;
    let broken = |error: hyper::Error| UnixError::Unreachable(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        body.map(|body| (status, body.to_bytes())).map_err(|error| UnixError::Unreachable(error.to_string()))
    };
    // On one task: another one for the connection would have to be woken for each step.
    match select(pin!(answered), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, answered)) => answered.await,
    }
}
