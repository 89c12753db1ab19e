//! Everything that the watcher's listener serves.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::json;

use super::error::{ApiError, count_from_zero};
use super::serve::{OwnHosts, guarded, healthz};
use super::watching::Watching;
use super::{api, beats, orders, page, ping};
use crate::monitor::overview::Overview;

/// The page's own style sheet and nothing else: no script, no frame, no form.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Beats, orders, overview, page, health and metrics.
pub fn router(watching: Watching, own: OwnHosts) -> Router {
    count_from_zero();
    let router = Router::new()
        .route(beats::PATH, post(beats::post))
        .route("/v1/overview", get(overview))
        .route("/ping/{*check}", any(ping::ping))
        .merge(api::routes::routes(&watching))
        .route("/", get(status_page))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE) }))
        .route(
            "/healthz",
            get(|State(watching): State<Watching>| async move { healthz(watching.monitor.pulse().trouble(watching.monitor.now())) }),
        )
        .merge(orders::routes())
        .method_not_allowed_fallback(wrong_method)
        .with_state(watching);
    guarded(router, own)
}

async fn wrong_method(request: Request) -> Response {
    let words = format!("{} is not what {} answers to", request.method(), request.uri().path());
    (StatusCode::METHOD_NOT_ALLOWED, Json(json!({ "error": words }))).into_response()
}

async fn look(watching: &Watching) -> Result<Overview, ApiError> {
    let overview = watching.monitor.overview(watching.unheard.to_vec(), watching.monitor.now()).await;
    let overview = overview.map(|overview| Overview { config: Some(watching.config.clone()), ..overview });
    overview.map_err(|error| ApiError::Unavailable(format!("nothing can be shown: {error}")))
}

async fn overview(State(watching): State<Watching>) -> Result<Json<Overview>, ApiError> {
    look(&watching).await.map(Json)
}

async fn status_page(State(watching): State<Watching>) -> Result<Response, ApiError> {
    let page = page::draw(&look(&watching).await?, watching.monitor.pulse().trouble(watching.monitor.now()).as_deref());
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let headers: [(HeaderName, HeaderValue); 5] = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    Ok((headers, page.into_string()).into_response())
}
