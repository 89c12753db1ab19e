//! The proxy's end of its control socket.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;

use super::shift::{OrderError, Shifter};
use crate::proxy::control::{CutOrder, ProxyState, ShiftOrder};

/// Answers on the socket until it is dropped.
pub(super) async fn serve(listener: UnixListener, shifter: Arc<Shifter>) -> std::io::Result<()> {
    let router =
        Router::new().route("/v1/state", get(state)).route("/v1/shift", post(shift)).route("/v1/cut", post(cut)).with_state(shifter);
    axum::serve(listener, router).await
}

async fn state(State(shifter): State<Arc<Shifter>>) -> Json<ProxyState> {
    Json(shifter.state())
}

async fn shift(State(shifter): State<Arc<Shifter>>, Json(order): Json<ShiftOrder>) -> Result<Json<ProxyState>, OrderError> {
    // On a task of its own: who ordered it may hang up, and the shift is then done or not done, never half.
    let shifted = tokio::spawn(async move { shifter.shift(order).await }).await;
    shifted.map_err(|error| OrderError::Refused(error.to_string()))?.map(Json)
}

async fn cut(State(shifter): State<Arc<Shifter>>, Json(order): Json<CutOrder>) -> Result<Json<ProxyState>, OrderError> {
    shifter.cut(order.colour).await.map(Json)
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Stale { .. } => StatusCode::CONFLICT,
            Self::Unstored(_) | Self::Refused(_) => StatusCode::BAD_REQUEST,
        };
        (status, self.to_string()).into_response()
    }
}
