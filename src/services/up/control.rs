//! The supervisor's control socket: what runs, replace a colour, stop.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

use crate::runtime::process::command::check_version;
use crate::runtime::process::control::{ReplaceOrder, UpState};

/// What the supervisor is asked to do between two passes.
#[derive(Debug)]
pub(super) enum Order {
    /// Say what runs.
    Say(oneshot::Sender<UpState>),
    /// Replace a colour; the answer says what runs then, or why nothing was done.
    Replace(ReplaceOrder, oneshot::Sender<UpState>),
    /// End everything.
    Stop,
}

type Orders = mpsc::UnboundedSender<Order>;
type Refusal = (StatusCode, String);

/// Serves for as long as it is not aborted.
pub(super) async fn serve(listener: UnixListener, orders: Orders) {
    let router = Router::new()
        .route("/v1/state", get(state))
        .route("/v1/replace", post(replace))
        .route("/v1/stop", post(stop))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such order") })
        .with_state(orders);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("the control socket of up does not answer any more: {error}");
    }
}

async fn state(State(orders): State<Orders>) -> Result<Json<UpState>, Refusal> {
    ask(&orders, Order::Say).await
}

async fn replace(State(orders): State<Orders>, Json(order): Json<ReplaceOrder>) -> Result<Json<UpState>, Refusal> {
    if let Some(version) = &order.version {
        check_version(version).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    }
    ask(&orders, |answer| Order::Replace(order, answer)).await
}

async fn stop(State(orders): State<Orders>) -> Result<(StatusCode, Json<()>), Refusal> {
    orders.send(Order::Stop).map_err(|_| ending())?;
    Ok((StatusCode::ACCEPTED, Json(())))
}

async fn ask(orders: &Orders, order: impl FnOnce(oneshot::Sender<UpState>) -> Order) -> Result<Json<UpState>, Refusal> {
    let (answer, answered) = oneshot::channel();
    orders.send(order(answer)).map_err(|_| ending())?;
    answered.await.map(Json).map_err(|_| ending())
}

fn ending() -> Refusal {
    (StatusCode::SERVICE_UNAVAILABLE, "up is ending, or cannot store what was ordered: see its output".to_owned())
}
