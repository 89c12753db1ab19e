//! Everything that the watcher's listener answers.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::watch;

use super::error::count_from_zero;
use super::requests::Answers;
use super::serve::{OwnHosts, guarded, healthz};
use super::watching::Watching;
use super::{api, beats, orders, ping, visit};

/// Beats, orders, overview, pages, health and metrics. `ending`: then whoever listens to events is let go.
pub fn answers(watching: Watching, own: OwnHosts, ending: watch::Receiver<bool>) -> Answers {
    count_from_zero();
    let entrance = beats::Entrance::new(watching.clone(), own.clone());
    let router = Router::new()
        .route("/ping/{*check}", any(ping::ping))
        .merge(api::routes::routes(&watching))
        .route(
            "/healthz",
            get(|State(watching): State<Watching>| async move { healthz(watching.monitor.pulse().trouble(watching.monitor.now())) }),
        )
        .merge(orders::routes())
        .merge(visit::routes::routes(ending))
        .method_not_allowed_fallback(wrong_method)
        .with_state(watching);
    Answers::from(guarded(router, own)).with_beats(entrance)
}

async fn wrong_method(request: Request) -> Response {
    let words = format!("{} is not what {} answers to", request.method(), request.uri().path());
    (StatusCode::METHOD_NOT_ALLOWED, Json(json!({ "error": words }))).into_response()
}
