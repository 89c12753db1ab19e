//! What is where, and who may ask for it.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post};

use super::super::error::ApiError;
use super::super::watching::Watching;
use super::super::{keys, readers};
use super::{checks, log, overview};
use crate::monitor::May;
use crate::net::question::OVERVIEW;

/// The API's routes.
pub(in crate::http) fn routes(watching: &Watching) -> Router<Watching> {
    let reading = Router::new()
        .route(OVERVIEW, get(overview::overview))
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
    let (parts, body) = request.into_parts();
    readers::authorise(&watching, &parts, peer.0.ip())?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn who_writes(State(watching): State<Watching>, peer: Peer, request: Request, next: Next) -> Result<Response, ApiError> {
    keys::authorise(&watching.pings.keys, request.headers(), peer.0.ip(), May::Write)?;
    Ok(next.run(request).await)
}
