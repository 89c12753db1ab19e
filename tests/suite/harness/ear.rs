//! A stand-in for a watcher: it keeps the beats that are signed as they must be.

use std::sync::{Arc, Mutex};

use allswell::domain::beat::{Beat, BeatKind};
use allswell::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use super::listen::listen;
use super::manner::{Manner, Manners};

/// Who listens for beats.
#[derive(Clone)]
pub(crate) struct Ear {
    key: Key,
    manners: Manners,
    beats: Arc<Mutex<Vec<Beat>>>,
}

impl Ear {
    /// Listens at `address` for beats signed by this key, and ends with the test.
    pub(crate) async fn start(address: &str, key: &str) -> Self {
        let listener = listen(address).await;
        let ear = Self { key: Key::new(key), manners: Manners::new(), beats: Arc::default() };
        let router = Router::new().route("/v1/beat", post(hear)).with_state(ear.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        ear
    }

    /// What it heard, in order.
    pub(crate) fn beats(&self) -> Vec<Beat> {
        self.beats.lock().expect("no test panics here").clone()
    }

    /// The last beat of a kind, if there was one.
    pub(crate) fn last(&self, kind: BeatKind) -> Option<Beat> {
        self.beats().into_iter().rfind(|beat| beat.kind == kind)
    }

    /// How it answers from now on.
    pub(crate) fn set(&self, manner: Manner) {
        self.manners.set(manner);
    }
}

async fn hear(State(ear): State<Ear>, headers: HeaderMap, body: String) -> Response {
    if let Some(refusal) = ear.manners.refusal("") {
        return refusal;
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_signed = ear.key.verify("POST", "/v1/beat", body.as_bytes(), header(SIGNATURE_HEADER));
    if !is_signed || header(KEY_ID_HEADER) != ear.key.id() {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "the signature is wrong" }))).into_response();
    }
    let Ok(beat) = serde_json::from_str(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    ear.beats.lock().expect("no test panics here").push(beat);
    ear.manners.held().await;
    StatusCode::OK.into_response()
}
