//! The admin API: one request, one answer. Its ETag comes as a trailer.

use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout;

use crate::net::client::io_words;
use crate::net::names::connect;
use crate::proxy::control::ControlError;

/// Where it is, and how long it may take.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    address: String,
    limit: Duration,
}

/// What it said.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) etag: Option<String>,
}

impl Admin {
    /// At this address, host:port.
    pub(super) fn new(address: &str, limit: Duration) -> Self {
        Self { address: address.to_owned(), limit }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// How long one question may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Asks once. An error is that nobody knows what came of it.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        document: Option<&Value>,
        if_match: Option<&str>,
    ) -> Result<Answer, ControlError> {
        let silent = |why: String| ControlError::Silent(PathBuf::from(&self.address), why);
        let mut request =
            Request::builder().method(method).uri(path).header("host", &self.address).header("content-type", "application/json");
        if let Some(etag) = if_match {
            request = request.header("if-match", etag);
        }
        let body = document.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| silent(error.to_string()))?;
        let answered = timeout(self.limit, self.exchange(request)).await;
        answered.map_err(|_| silent("no answer in time".to_owned()))?.map_err(silent)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let stream = connect(&self.address).await.map_err(|error| io_words(&error))?;
        let words = |error: hyper::Error| error.to_string();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
        let connection = tokio::spawn(connection);
        let answered = async {
            let answer = sender.send_request(request).await.map_err(words)?;
            let (status, header) = (answer.status(), answer.headers().get("etag").cloned());
            let collected = answer.into_body().collect().await.map_err(words)?;
            let etag = collected.trailers().and_then(|trailers| trailers.get("etag").cloned()).or(header);
            let etag = etag.and_then(|etag| etag.to_str().ok().map(str::to_owned));
            Ok(Answer { status, body: collected.to_bytes(), etag })
        }
        .await;
        connection.abort();
        answered
    }
}
