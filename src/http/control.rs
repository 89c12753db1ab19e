//! The prober's control: state, journal, switch, deploys and gate, by bearer token.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::error::ApiError;
use super::orders::reloaded;
use super::serve::{OwnHosts, guarded, require_bearer};
use crate::domain::colour::Colour;
use crate::domain::switch::Phase;
use crate::monitor::orders::ConfigView;
use crate::release::{DeployEnd, DeployOrder, Desk, Phases, ProberState, Refusal, RefusalKind, SwitchOrder};

/// Orders are small.
const LARGEST_BODY: usize = 128 * 1024;
/// While a phase lasts, an empty line says so often that we are still here.
const STILL_HERE: Duration = Duration::from_secs(1);
/// The gate is not waited for longer.
const LONGEST_GATE: Duration = Duration::from_secs(3_600);

/// What the control needs.
pub struct Control {
    /// Takes orders, and says how everything stands.
    pub desk: Desk,
    /// The token that every request must carry.
    pub token: String,
    /// Takes orders to read the config anew.
    pub reload: mpsc::Sender<oneshot::Sender<Result<ConfigView, String>>>,
}

type Shared = State<Arc<Control>>;

/// The control's routes.
pub fn router(control: Control, own: OwnHosts) -> Router {
    let control = Arc::new(control);
    let routes = Router::new()
        .route("/v1/state", get(state))
        .route("/v1/history", get(history))
        .route("/v1/switch", post(switch))
        .route("/v1/deploys", post(begin_deploy))
        .route("/v1/deploys/{id}/end", post(end_deploy))
        .route("/v1/gate", get(gate))
        .route("/v1/reload", post(|State(control): Shared| async move { reloaded(&control.reload).await.map(Json) }))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&control), with_token))
        .with_state(control);
    guarded(routes, own)
}

async fn with_token(State(control): Shared, request: Request, next: Next) -> Result<Response, ApiError> {
    require_bearer(request.headers(), &control.token)?;
    Ok(next.run(request).await)
}

async fn state(State(control): Shared) -> Result<Json<ProberState>, Refusal> {
    control.desk.state().await.map(Json)
}

#[derive(Deserialize)]
struct HistoryQuery {
    limit: Option<u32>,
}

async fn history(State(control): Shared, query: Result<Query<HistoryQuery>, QueryRejection>) -> Result<Response, Answer> {
    let Query(query) = query.map_err(|error| bad(error.body_text()))?;
    let entries = control.desk.history(query.limit.unwrap_or(50).min(1_000)).await?;
    Ok(Json(entries).into_response())
}

async fn switch(State(control): Shared, order: Result<Json<SwitchOrder>, JsonRejection>) -> Result<Response, Answer> {
    let Json(order) = order.map_err(|error| bad_body(&error))?;
    if order.force.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
        return Err(bad("force needs a reason: it stands in the journal".into()));
    }
    let wait = order.wait;
    let phases = control.desk.switch(order).await?;
    let body = Body::from_stream(lines(phases, wait));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// Each phase as a line; the last one is over, or verified where nobody waits for more.
fn lines(phases: Phases, wait: bool) -> impl Stream<Item = Result<Bytes, Infallible>> {
    unfold(Some(phases), move |phases| async move {
        let mut phases = phases?;
        let Ok(said) = timeout(STILL_HERE, phases.recv()).await else { return Some((Ok(Bytes::from_static(b"\n")), Some(phases))) };
        let said = said?;
        let is_last = match &said {
            Ok(event) => event.phase.is_over() || (!wait && event.phase == Phase::Verified),
            Err(_) => true,
        };
        let line = match &said {
            Ok(event) => serde_json::to_vec(event),
            Err(refusal) => serde_json::to_vec(refusal),
        };
        let mut line = line.unwrap_or_default();
        line.push(b'\n');
        Some((Ok(Bytes::from(line)), (!is_last).then_some(phases)))
    })
}

async fn begin_deploy(State(control): Shared, order: Result<Json<DeployOrder>, JsonRejection>) -> Result<Response, Answer> {
    let Json(order) = order.map_err(|error| bad_body(&error))?;
    if order.timeout_ms == 0 {
        return Err(bad("timeout_ms must be more than 0".into()));
    }
    Ok(Json(control.desk.begin_deploy(order).await?).into_response())
}

async fn end_deploy(
    State(control): Shared,
    id: Result<Path<i64>, PathRejection>,
    end: Result<Json<DeployEnd>, JsonRejection>,
) -> Result<Response, Answer> {
    let Path(id) = id.map_err(|error| bad(error.body_text()))?;
    let Json(end) = end.map_err(|error| bad_body(&error))?;
    control.desk.end_deploy(id, end).await?;
    Ok(Json(()).into_response())
}

/// `colour`, `within_ms`, and `at` as often as there are addresses to probe instead of the colour's own.
#[derive(Debug, PartialEq, Eq)]
struct GateQuery {
    colour: Colour,
    within: Duration,
    at: Vec<String>,
}

impl GateQuery {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, String> {
        let (mut colour, mut within_ms, mut at) = (None, None, Vec::new());
        for (key, value) in pairs {
            match key.as_str() {
                "colour" => colour = Some(value.parse().map_err(|_| format!("colour is blue or green, not \"{value}\""))?),
                "within_ms" => within_ms = Some(value.parse().map_err(|_| format!("within_ms is a whole number, not \"{value}\""))?),
                "at" if is_address(&value) => at.push(value),
                "at" => return Err(format!("at is host:port, not \"{value}\"")),
                _ => return Err(format!("{key} is not known here: colour, within_ms, at")),
            }
        }
        let within = Duration::from_millis(within_ms.ok_or("within_ms is missing")?).min(LONGEST_GATE);
        Ok(Self { colour: colour.ok_or("colour is missing")?, within, at })
    }
}

/// Nothing but a host and a port: a path or a user would be sent to whoever is probed.
fn is_address(text: &str) -> bool {
    let is_host = |host: &str| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.[]:".contains(c));
    text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

async fn gate(State(control): Shared, query: Result<Query<Vec<(String, String)>>, QueryRejection>) -> Result<Response, Answer> {
    let Query(pairs) = query.map_err(|error| bad(error.body_text()))?;
    let GateQuery { colour, within, at } = GateQuery::read(pairs).map_err(bad)?;
    let report = if at.is_empty() { control.desk.gate(colour, within).await? } else { control.desk.gate_at(&at, within).await };
    Ok(Json(report).into_response())
}

/// Why a request was not done: by the desk, or before it came there.
enum Answer {
    Refusal(Refusal),
    Api(ApiError),
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Refusal(refusal) => refusal.into_response(),
            Self::Api(error) => error.into_response(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.kind {
            RefusalKind::Locked | RefusalKind::Refused | RefusalKind::Undefined => StatusCode::CONFLICT,
            RefusalKind::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(json!({ "kind": self.kind, "error": self.error }))).into_response()
    }
}

fn bad(why: String) -> Answer {
    Answer::Api(ApiError::BadRequest(why))
}

fn bad_body(error: &JsonRejection) -> Answer {
    Answer::Api(match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(format!("an order has at most {LARGEST_BODY} bytes")),
        _ => ApiError::BadRequest(error.body_text()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<GateQuery, String> {
        GateQuery::read(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_gate_is_asked_for_by_colour_time_and_any_number_of_addresses() {
        let read_all = read(&[("colour", "blue"), ("within_ms", "5"), ("at", "shop-blue-2:3000"), ("at", "[fd00::2]:3000")]).unwrap();
        let at = vec!["shop-blue-2:3000".to_owned(), "[fd00::2]:3000".to_owned()];
        assert_eq!(read_all, GateQuery { colour: Colour::Blue, within: Duration::from_millis(5), at });
        for (pairs, why) in [
            (vec![("colour", "blue")], "within_ms is missing"),
            (vec![("within_ms", "5")], "colour is missing"),
            (vec![("colour", "red")], "colour is blue or green"),
            (vec![("colour", "blue"), ("within_ms", "soon")], "within_ms is a whole number"),
            (vec![("at", "host:3000/admin")], "at is host:port"),
            (vec![("at", "user@host:3000")], "at is host:port"),
            (vec![("at", "host")], "at is host:port"),
            (vec![("near", "host:1")], "near is not known"),
        ] {
            assert!(read(&pairs).unwrap_err().starts_with(why), "{why}");
        }
    }
}
