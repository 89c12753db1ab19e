//! A stand-in for a watcher: it takes beats, or does as the test says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use allswell::domain::beat::Beat;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};

use super::listen::listen;

/// Takes beats.
#[derive(Clone, Default)]
pub(crate) struct Beats {
    heard: Arc<Mutex<Vec<Beat>>>,
    broken: Arc<AtomicBool>,
    deaf_to: Arc<Mutex<Option<String>>>,
}

impl Beats {
    /// Listens on this address.
    pub(crate) async fn start(address: String) -> Self {
        let beats = Self::default();
        let router = Router::new().route("/healthz", get(health)).route("/v1/beat", post(take)).with_state(beats.clone());
        let listener = listen(&address).await;
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        beats
    }

    /// Whether it answers 503 to everything, as a watcher does whose store does not work.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// It expects no check of this name, and answers 404 to its beats.
    pub(crate) fn set_deaf_to(&self, check: &str) {
        *self.deaf_to.lock().expect("not poisoned") = Some(check.to_owned());
    }

    /// One that accepts connections and never answers.
    pub(crate) async fn start_stuck(address: String) {
        let listener = listen(&address).await;
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
    }

    /// Everything that was heard of a check, oldest first.
    pub(crate) fn of(&self, check: &str) -> Vec<Beat> {
        self.heard.lock().expect("not poisoned").iter().filter(|beat| beat.check == check).cloned().collect()
    }
}

async fn health(State(beats): State<Beats>) -> StatusCode {
    if beats.broken.load(Ordering::SeqCst) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn take(State(beats): State<Beats>, body: String) -> StatusCode {
    if beats.broken.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match serde_json::from_str::<Beat>(&body) {
        Ok(beat) if beats.deaf_to.lock().expect("not poisoned").as_ref() == Some(&beat.check) => StatusCode::NOT_FOUND,
        Ok(beat) => {
            beats.heard.lock().expect("not poisoned").push(beat);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
