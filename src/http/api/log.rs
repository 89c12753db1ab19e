//! Beats, flips and incidents, newest first.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::watching::Watching;
use super::page::Page;
use super::trouble::{unknown, unreadable};
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;

type Answer = Result<Json<Value>, ApiError>;
type Of = Option<Path<String>>;

/// `GET /v1/beats`, `GET /v1/checks/NAME/beats`.
pub(super) async fn beats(State(watching): State<Watching>, of: Of, uri: Uri) -> Answer {
    let page = Page::read(&uri)?;
    let check = known(&watching, &of).await?;
    let beats = watching.monitor.beats_before(check, page.row()?, page.limit).await.map_err(|error| unreadable(&error))?;
    let last = beats.last().map(|beat| beat.id.to_string());
    Ok(Json(page.answer("beats", &values(&beats)?, last)))
}

/// `GET /v1/beats/ID/body`: as it came, whatever it is.
pub(in crate::http) async fn body(
    State(watching): State<Watching>,
    id: Result<Path<i64>, axum::extract::rejection::PathRejection>,
) -> Result<Response, ApiError> {
    let Path(id) = id.map_err(|_| ApiError::NotFound("a beat has a number".into()))?;
    let body = watching.monitor.body_of(id).await.map_err(|error| unreadable(&error))?;
    let body = body.ok_or_else(|| ApiError::NotFound(format!("there is no beat {id}: it may have been forgotten")))?;
    let body = body.ok_or_else(|| ApiError::NotFound(format!("beat {id} had no body")))?;
    // Whatever it is, no browser is to take it for a page.
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, body).into_response())
}

/// `GET /v1/flips`, `GET /v1/checks/NAME/flips`.
pub(super) async fn flips(State(watching): State<Watching>, of: Of, uri: Uri) -> Answer {
    let page = Page::read(&uri)?;
    let check = known(&watching, &of).await?;
    let flips = watching.monitor.flips_before(check, page.row()?, page.limit).await.map_err(|error| unreadable(&error))?;
    let last = flips.last().map(|flip| flip.id.to_string());
    Ok(Json(page.answer("flips", &values(&flips)?, last)))
}

/// `GET /v1/incidents`, `GET /v1/checks/NAME/incidents`.
pub(super) async fn incidents(State(watching): State<Watching>, of: Of, uri: Uri) -> Answer {
    let page = Page::read(&uri)?;
    let check = known(&watching, &of).await?;
    let found = watching.monitor.incidents_before(check, page.incident()?, page.limit).await.map_err(|error| unreadable(&error))?;
    let last = found.last().map(|(opened_at, incident)| format!("{}.{}", opened_at.as_millis(), incident.key));
    let rows: Vec<Value> = found.iter().map(|(opened_at, incident)| shown(incident, Some(*opened_at))).collect();
    Ok(Json(page.answer("incidents", &rows, last)))
}

/// `GET /v1/incidents/KEY`.
pub(super) async fn incident(State(watching): State<Watching>, Path(key): Path<String>) -> Answer {
    let found = watching.monitor.incident(&key).await.map_err(|error| unreadable(&error))?;
    let found = found.ok_or_else(|| ApiError::NotFound(format!("there is no incident \"{key}\"")))?;
    Ok(Json(shown(&found, None)))
}

fn shown(incident: &Incident, opened_at: Option<Moment>) -> Value {
    let mut value = json!(incident);
    value["words"] = json!(incident.reason.to_string());
    if let Some(opened_at) = opened_at {
        value["opened_at"] = json!(opened_at);
    }
    value
}

/// The check that is asked for, if one is. What is gone may have left rows, and still is not found: nobody would know whose they are.
async fn known<'a>(watching: &Watching, of: &'a Of) -> Result<Option<&'a str>, ApiError> {
    let Some(Path(name)) = of else { return Ok(None) };
    let found = watching.monitor.check_named(name, watching.monitor.now()).await.map_err(|error| unreadable(&error))?;
    found.map(|_| Some(name.as_str())).ok_or_else(|| unknown(name))
}

fn values(rows: &[impl Serialize]) -> Result<Vec<Value>, ApiError> {
    rows.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(|error| ApiError::Unavailable(error.to_string()))
}
