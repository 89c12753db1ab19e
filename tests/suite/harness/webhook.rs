//! A receiver of webhooks by the Standard Webhooks scheme, which keeps what it took.

use std::sync::{Arc, Mutex};

use allswell::clock;
use allswell::signing::Key;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;

use super::listen::listen;
use super::manner::{Manner, Manners};

/// What it took.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// `webhook-id`: the notice's key.
    pub(crate) id: String,
    /// `check.down`, ...
    pub(crate) kind: String,
    /// The whole body.
    pub(crate) body: Value,
}

/// A sink for notices.
#[derive(Clone)]
pub(crate) struct Webhook {
    address: String,
    key: Option<Key>,
    manners: Manners,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Webhook {
    /// Listens at `address` and ends with the test. With a key, what is not signed by it is refused with 401.
    pub(crate) async fn start(address: &str, signing_key: Option<&str>) -> Self {
        let listener = listen(address).await;
        let key = signing_key.map(|key| Key::webhook(key).expect("a key"));
        let sink = Self { address: address.to_owned(), key, manners: Manners::new(), taken: Arc::default() };
        let router = Router::new().route("/hook", post(receive)).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        sink
    }

    /// Where it takes notices.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What it took, in order, repeats included. What is held is among it.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("no test panics here").clone()
    }

    /// `check.down blue` and so on: what it took, in short.
    pub(crate) fn told(&self) -> Vec<String> {
        self.taken().iter().map(|taken| format!("{} {}", taken.kind, taken.body["data"]["check"].as_str().unwrap_or_default())).collect()
    }

    /// How it answers from now on.
    pub(crate) fn set(&self, manner: Manner) {
        self.manners.set(manner);
    }

    fn is_genuine(&self, headers: &HeaderMap, body: &str) -> bool {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp").parse::<i64>().unwrap_or(0));
        let is_recent = (clock::now().as_millis() / 1_000 - timestamp).abs() < 300;
        let signature = |key: &Key| key.webhook_signature(id, timestamp, body.as_bytes()) == header("webhook-signature");
        !id.is_empty() && is_recent && self.key.as_ref().is_none_or(signature)
    }
}

async fn receive(State(sink): State<Webhook>, headers: HeaderMap, body: String) -> Response {
    if let Some(refusal) = sink.manners.refusal("") {
        return refusal;
    }
    if !sink.is_genuine(&headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(body) = serde_json::from_str::<Value>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let id = headers["webhook-id"].to_str().expect("it was read before").to_owned();
    let taken = Taken { id, kind: body["type"].as_str().unwrap_or_default().to_owned(), body };
    sink.taken.lock().expect("no test panics here").push(taken);
    sink.manners.held().await;
    StatusCode::NO_CONTENT.into_response()
}
