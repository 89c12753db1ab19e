//! What an operator orders of the watcher, by bearer token: acknowledge, mute, pause, resume, reload.

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use super::error::ApiError;
use super::serve::require_bearer;
use super::watching::Watching;
use crate::domain::quiet::Quiet;
use crate::monitor::orders::{AckOrder, Acknowledged, ConfigView, OrderError, QuietOrder, ResumeOrder, Resumed};

/// Orders are small.
const LARGEST_BODY: usize = 16 * 1024;
/// A name, a note.
const LONGEST_WORDS: usize = 1_000;

/// The routes of orders.
pub(super) fn routes() -> Router<Watching> {
    Router::new()
        .route("/v1/acknowledge", post(acknowledge))
        .route("/v1/quiet", post(quiet))
        .route("/v1/resume", post(resume))
        .route("/v1/reload", post(reload))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

type Given<T> = Result<Json<T>, JsonRejection>;

/// The order, where whoever gives it may.
fn ordered<T>(watching: &Watching, headers: &HeaderMap, given: Given<T>) -> Result<T, ApiError> {
    require_bearer(headers, &watching.token)?;
    given.map(|Json(order)| order).map_err(|error| ApiError::BadRequest(error.body_text()))
}

fn in_bounds<'a>(words: impl IntoIterator<Item = Option<&'a str>>) -> Result<(), ApiError> {
    let is_long = words.into_iter().flatten().any(|words| words.is_empty() || words.len() > LONGEST_WORDS);
    if is_long { Err(ApiError::BadRequest(format!("names and notes must have 1 to {LONGEST_WORDS} bytes"))) } else { Ok(()) }
}

async fn acknowledge(State(watching): State<Watching>, headers: HeaderMap, given: Given<AckOrder>) -> Result<Json<Acknowledged>, ApiError> {
    let order = ordered(&watching, &headers, given)?;
    in_bounds([order.which.as_deref(), Some(&order.by), order.note.as_deref()])?;
    watching.monitor.dated(|now| watching.monitor.acknowledge(&order, now)).await.map(Json).map_err(|error| refusal(&error))
}

async fn quiet(State(watching): State<Watching>, headers: HeaderMap, given: Given<QuietOrder>) -> Result<Json<Quiet>, ApiError> {
    let order = ordered(&watching, &headers, given)?;
    in_bounds([Some(order.check.as_str()), Some(&order.by), order.note.as_deref()])?;
    watching.monitor.dated(|now| watching.monitor.quiet(order, now)).await.map(Json).map_err(|error| refusal(&error))
}

async fn resume(State(watching): State<Watching>, headers: HeaderMap, given: Given<ResumeOrder>) -> Result<Json<Resumed>, ApiError> {
    let order = ordered(&watching, &headers, given)?;
    in_bounds([Some(order.check.as_str()), Some(&order.by)])?;
    watching.monitor.dated(|now| watching.monitor.resume(&order, now)).await.map(Json).map_err(|error| refusal(&error))
}

async fn reload(State(watching): State<Watching>, headers: HeaderMap) -> Result<Json<ConfigView>, ApiError> {
    require_bearer(&headers, &watching.token)?;
    reloaded(&watching.reload).await.map(Json)
}

/// Has the config read anew, and waits for what comes of it.
///
/// # Errors
/// Everything that is wrong with it; then nothing has changed.
pub(super) async fn reloaded(orders: &Sender<oneshot::Sender<Result<ConfigView, String>>>) -> Result<ConfigView, ApiError> {
    let (asked, answer) = oneshot::channel();
    let ending = || ApiError::Unavailable("it is ending".to_owned());
    orders.send(asked).await.map_err(|_| ending())?;
    answer.await.map_err(|_| ending())?.map_err(ApiError::BadRequest)
}

fn refusal(error: &OrderError) -> ApiError {
    match error {
        OrderError::NotFound(_) => ApiError::NotFound(error.to_string()),
        OrderError::Wrong(_) => ApiError::BadRequest(error.to_string()),
        OrderError::Store(_) => ApiError::Unavailable(error.to_string()),
    }
}
