//! The proxy's end of its control socket.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::forward::Forwarder;
use super::shift::{OrderError, Shifter};
use super::standing::Standing;
use crate::proxy::control::{CutOrder, HoldOrder, MaintenanceOrder, Pauses, ProxyState, Reach, ReachOrder, SignedShift};

/// So many characters of who orders are kept: they have to fit on a line of the state file.
const LONGEST: usize = 200;
/// What is being answered when the proxy ends gets so long to finish.
const ANSWERING: Duration = Duration::from_secs(1);

/// Answers on the socket until the proxy's work is over. Whoever orders keeps the connection, and none is left then: the next order is to reach
/// whoever listens there next.
pub(super) async fn serve(
    listener: UnixListener,
    shifter: Arc<Shifter>,
    standing: Arc<Standing>,
    forwarder: Arc<Forwarder>,
    work: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let switching =
        Router::new().route("/v1/state", get(state)).route("/v1/shift", post(shift)).route("/v1/cut", post(cut)).with_state(shifter);
    let pausing = Router::new()
        .route("/v1/pauses", get(pauses))
        .route("/v1/hold", post(hold))
        .route("/v1/maintenance", post(maintenance))
        .route("/v1/warning", get(warning))
        .with_state(standing);
    let looking = Router::new().route("/v1/reach", post(reach)).with_state(forwarder);
    let (hangs_up, hung_up) = oneshot::channel::<()>();
    let served = axum::serve(listener, switching.merge(pausing).merge(looking)).with_graceful_shutdown(async {
        // It is told so by being dropped.
        let _ = hung_up.await;
    });
    let mut served = pin!(served.into_future());
    let ended = tokio::select! {
        broken = &mut served => return broken,
        ended = work => ended,
    };
    drop(hangs_up);
    if timeout(ANSWERING, served).await.is_err() {
        tracing::warn!("an order to the proxy was still under way when it ended");
    }
    ended
}

async fn pauses(State(standing): State<Arc<Standing>>) -> Json<Pauses> {
    Json(standing.pauses())
}

async fn hold(State(standing): State<Arc<Standing>>, Json(order): Json<HoldOrder>) -> Json<Pauses> {
    standing.hold(order.on, named(order.by));
    Json(standing.pauses())
}

async fn maintenance(State(standing): State<Arc<Standing>>, Json(order): Json<MaintenanceOrder>) -> Result<Json<Pauses>, OrderError> {
    standing
        .pause
        .maintain(order.message, named(order.by))
        .await
        .map_err(|error| OrderError::Refused(format!("that there is maintenance cannot be stored: {error}")))?;
    Ok(Json(standing.pauses()))
}

async fn warning(State(standing): State<Arc<Standing>>) -> Json<Option<String>> {
    Json(standing.warning())
}

async fn reach(State(forwarder): State<Arc<Forwarder>>, Json(order): Json<ReachOrder>) -> Json<Reach> {
    Json(forwarder.upstream(order.colour).reach().await)
}

async fn state(State(shifter): State<Arc<Shifter>>) -> Json<ProxyState> {
    Json(shifter.state())
}

async fn shift(State(shifter): State<Arc<Shifter>>, Json(order): Json<SignedShift>) -> Result<Json<ProxyState>, OrderError> {
    let SignedShift { order, by } = order;
    shifter.shift(SignedShift { order, by: named(by) }).map(Json)
}

async fn cut(State(shifter): State<Arc<Shifter>>, Json(order): Json<CutOrder>) -> Result<Json<ProxyState>, OrderError> {
    shifter.cut(order.colour).map(Json)
}

/// Who orders, as a line can say it.
fn named(by: Option<String>) -> Option<String> {
    let by = by?.chars().filter(|character| !character.is_control()).take(LONGEST).collect::<String>();
    (!by.is_empty()).then_some(by)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_orders_has_a_name_that_fits_on_a_line_or_none() {
        assert_eq!(named(Some("ann@desk".to_owned())).as_deref(), Some("ann@desk"));
        assert_eq!(named(Some("ann\n\u{1b}[2J@desk".to_owned())).as_deref(), Some("ann[2J@desk"));
        assert_eq!(named(Some("\u{e9}".repeat(5_000))).map(|by| by.chars().count()), Some(LONGEST));
        assert_eq!((named(Some("\n".to_owned())), named(None)), (None, None));
    }
}
