//! A health URL that answers as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::listen::listen;
use super::manner::{Manner, Manners};

/// Something with a health URL.
#[derive(Clone)]
pub(crate) struct HealthUrl {
    address: String,
    manners: Manners,
    asked: Arc<AtomicU32>,
}

impl HealthUrl {
    /// Listens at `address`, and ends with the test.
    pub(crate) async fn start(address: &str) -> Self {
        let listener = listen(address).await;
        let app = Self { address: address.to_owned(), manners: Manners::new(), asked: Arc::default() };
        let router = Router::new().route("/healthz", get(answer)).with_state(app.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        app
    }

    /// Its health URL.
    pub(crate) fn health(&self) -> String {
        format!("http://{}/healthz", self.address)
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// How it answers from now on.
    pub(crate) fn set(&self, manner: Manner) {
        self.manners.set(manner);
    }
}

async fn answer(State(app): State<HealthUrl>) -> Response {
    app.asked.fetch_add(1, Ordering::Relaxed);
    if let Some(refusal) = app.manners.refusal("") {
        return refusal;
    }
    app.manners.held().await;
    "ok\n".into_response()
}
