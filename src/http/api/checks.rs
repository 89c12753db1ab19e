//! Checks: to look at, to make, to remove.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::watching::Watching;
use super::super::{body, keys};
use super::page::Page;
use super::trouble::{unknown, unreadable};
use crate::domain::sent::Made;
use crate::monitor::{CheckPage, May, Removed, is_slug};
use crate::settings::parse_duration;

/// What is said of a new check is short.
const LARGEST: usize = 10_000;
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// `GET /v1/checks`, by name.
pub(super) async fn list(
    State(watching): State<Watching>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    let page = Page::read(&uri)?;
    let found = watching.monitor.checks_after(page.name(), page.limit, watching.monitor.now()).await;
    let found = found.map_err(|error| unreadable(&error))?;
    let last = found.last().map(|check| check.view.name.clone());
    let may_ping = may_ping(&watching, &headers, peer);
    let rows: Vec<Value> = found.iter().map(|check| shown(&watching, check, may_ping)).collect();
    Ok(Json(page.answer("checks", &rows, last)))
}

/// `GET /v1/checks/NAME`.
pub(super) async fn one(
    State(watching): State<Watching>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = watching.monitor.check_named(&name, watching.monitor.now()).await.map_err(|error| unreadable(&error))?;
    let found = found.ok_or_else(|| unknown(&name))?;
    Ok(Json(shown(&watching, &found, may_ping(&watching, &headers, peer))))
}

/// `POST /v1/checks`: what is made so waits until it is heard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    period: String,
    grace: Option<String>,
}

/// `POST /v1/checks`.
pub(super) async fn make(State(watching): State<Watching>, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    let bytes = body::whole(&headers, body, LARGEST).await?;
    let new: New = serde_json::from_slice(&bytes).map_err(|error| ApiError::BadRequest(format!("this is not a check: {error}")))?;
    let name = new.name.as_str();
    if !is_slug(name) {
        return Err(ApiError::BadRequest("name must be up to 100 of a-z, 0-9, - and _: it stands in the ping URL".into()));
    }
    if watching.pings.directory.named(name).is_some() {
        return Err(taken(name));
    }
    let period_ms = spell("period", &new.period)?;
    let grace_ms = match &new.grace {
        Some(grace) => spell("grace", grace)?,
        None => Made::usual_grace_ms(period_ms),
    };
    let made = Made { uuid: watching.pings.directory.uuid_of(name), period_ms, grace_ms };
    if watching.monitor.room().await.map_err(|error| unreadable(&error))? <= 0 {
        return Err(ApiError::Forbidden("as many checks were made as may be: raise pings.most_made".into()));
    }
    if !watching.monitor.dated(|now| watching.monitor.make(name, &made, now)).await.map_err(|error| unreadable(&error))? {
        return Err(taken(name));
    }
    let found = watching.monitor.check_named(name, watching.monitor.now()).await.map_err(|error| unreadable(&error))?;
    let shown = found.map(|check| shown(&watching, &check, true));
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `DELETE /v1/checks/NAME`.
pub(super) async fn remove(State(watching): State<Watching>, Path(name): Path<String>) -> Result<StatusCode, ApiError> {
    let removed = watching.monitor.dated(|now| watching.monitor.remove_made(&name, now)).await.map_err(|error| unreadable(&error))?;
    match removed {
        Removed::Gone => Ok(StatusCode::NO_CONTENT),
        Removed::Unknown => Err(unknown(&name)),
        Removed::OfConfig => Err(ApiError::Conflict(format!("\"{name}\" is in the config: take it out there"))),
    }
}

fn taken(name: &str) -> ApiError {
    ApiError::Conflict(format!("there is a check named \"{name}\" already"))
}

/// Who knows a ping address can ping: it is for who may write, and for nobody else.
fn may_ping(watching: &Watching, headers: &HeaderMap, peer: SocketAddr) -> bool {
    keys::authorise(&watching.pings.keys, headers, peer.ip(), May::Write).is_ok()
}

fn shown(watching: &Watching, check: &CheckPage, may_ping: bool) -> Value {
    let mut value = json!(check.view);
    value["expected"] = json!(check.expected);
    value["last_duration_ms"] = json!(check.took_ms);
    value["made"] = json!(check.made.is_some());
    let listed = watching.pings.directory.address_of(&check.view.name);
    let slug = listed.map(|listed| listed.slug.clone()).or_else(|| check.made.as_ref().map(|_| check.view.name.clone()));
    value["slug"] = json!(slug);
    if may_ping {
        let uuid = listed.and_then(|listed| listed.uuid).or(check.made.as_ref().map(|made| made.uuid));
        value["ping_url"] = json!(uuid.map(|uuid| format!("{}/ping/{uuid}", watching.pings.url)));
    }
    value
}

fn spell(name: &str, text: &str) -> Result<u64, ApiError> {
    let wrong = || ApiError::BadRequest(format!("{name} is a duration from 1s to 365d, such as \"30m\", not \"{text}\""));
    let spell = parse_duration(text).ok().filter(|spell| (Duration::from_secs(1)..=LONGEST).contains(spell)).ok_or_else(wrong)?;
    u64::try_from(spell.as_millis()).map_err(|_| wrong())
}
