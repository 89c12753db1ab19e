//! What is where, and who may ask for it.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post};

use super::super::error::ApiError;
use super::super::keys;
use super::super::watching::Watching;
use super::{checks, log};
use crate::monitor::May;

/// The API's routes.
pub(in crate::http) fn routes(watching: &Watching) -> Router<Watching> {
    let reading = Router::new()
        .route("/v1/checks", get(checks::list))
        .route("/v1/checks/{name}", get(checks::one))
        .route("/v1/checks/{name}/beats", get(log::beats))
        .route("/v1/checks/{name}/flips", get(log::flips))
        .route("/v1/checks/{name}/incidents", get(log::incidents))
        .route("/v1/beats", get(log::beats))
        .route("/v1/beats/{id}/body", get(log::body))
        .route("/v1/flips", get(log::flips))
        .route("/v1/incidents", get(log::incidents))
        .route("/v1/incidents/{key}", get(log::incident))
        .route_layer(from_fn_with_state(watching.clone(), who_reads));
    let writing = Router::new()
        .route("/v1/checks", post(checks::make))
        .route("/v1/checks/{name}", delete(checks::remove))
        .route_layer(from_fn_with_state(watching.clone(), who_writes));
    reading.merge(writing)
}

type Peer = ConnectInfo<SocketAddr>;

async fn who_reads(State(watching): State<Watching>, peer: Peer, request: Request, next: Next) -> Result<Response, ApiError> {
    allowed(&watching, peer, request, next, May::Read).await
}

async fn who_writes(State(watching): State<Watching>, peer: Peer, request: Request, next: Next) -> Result<Response, ApiError> {
    allowed(&watching, peer, request, next, May::Write).await
}

async fn allowed(watching: &Watching, peer: Peer, request: Request, next: Next, wanted: May) -> Result<Response, ApiError> {
    keys::authorise(&watching.pings.keys, request.headers(), peer.0.ip(), wanted)?;
    Ok(next.run(request).await)
}
