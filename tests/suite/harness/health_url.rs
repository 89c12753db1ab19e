//! A health URL that answers as it is told.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::manner::{Manner, Manners};

/// Something with a health URL.
pub(crate) struct HealthUrl {
    address: String,
    manners: Manners,
}

impl HealthUrl {
    /// Listens at `address`, and ends with the test.
    pub(crate) async fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let app = Self { address: address.to_owned(), manners: Manners::new() };
        let router = Router::new().route("/healthz", get(answer)).with_state(app.manners.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        app
    }

    /// Its health URL.
    pub(crate) fn health(&self) -> String {
        format!("http://{}/healthz", self.address)
    }

    /// How it answers from now on.
    pub(crate) fn set(&self, manner: Manner) {
        self.manners.set(manner);
    }
}

async fn answer(State(manners): State<Manners>) -> Response {
    if let Some(refusal) = manners.refusal("") {
        return refusal;
    }
    manners.held().await;
    "ok\n".into_response()
}
