//! The pages that only show.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use maud::Markup;
use serde::Deserialize;

use super::super::api::log;
use super::super::error::ApiError;
use super::super::page::{self, Frame, Place, Who};
use super::super::watching::Watching;
use super::answer::{PageError, shown};
use super::visitor::Reader;
use crate::domain::check::Status;
use crate::domain::moment::Moment;
use crate::monitor::glance::Search;

/// So many checks on a page.
const CHECKS: u32 = 50;
/// So many incidents, so many entries of the history.
const ROWS: u32 = 25;

type Page = Result<Response, PageError>;

/// `GET /`.
pub(super) async fn overview(State(watching): State<Watching>, Reader(who): Reader) -> Page {
    let glance = watching.monitor.glance(watching.unheard.to_vec(), watching.monitor.now()).await?;
    let (title, main) = page::overview(&glance);
    Ok(drawn(&watching, &who, Place::Overview, title, &main, glance.overview.now))
}

/// `?q=backup&status=down&after=backup-7`.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    after: String,
}

/// `GET /checks`.
pub(super) async fn checks(State(watching): State<Watching>, Reader(who): Reader, Query(asked): Query<Asked>) -> Page {
    let now = watching.monitor.now();
    let status =
        [Status::New, Status::Up, Status::Failing, Status::Poorly, Status::Down].into_iter().find(|status| status.as_str() == asked.status);
    let wanted = Search { piece: asked.q.trim().to_owned(), status, after: asked.after };
    let mut found = watching.monitor.look_for(&wanted, CHECKS + 1, now).await?;
    let is_more = found.len() > usize::try_from(CHECKS).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(CHECKS).unwrap_or(usize::MAX));
    Ok(drawn(&watching, &who, Place::Checks, "Checks".to_owned(), &page::checks(&found, &wanted, is_more, now), now))
}

/// `GET /checks/NAME`.
pub(super) async fn check(State(watching): State<Watching>, Reader(who): Reader, Path(name): Path<String>) -> Page {
    let now = watching.monitor.now();
    let story = watching.monitor.check_story(&name, now).await?;
    let story = story.ok_or_else(|| ApiError::NotFound(format!("there is no check named \"{name}\"")))?;
    let uuid = watching.pings.directory.address_of(&name).and_then(|listed| listed.uuid).or(story.page.made.as_ref().map(|made| made.uuid));
    // Who knows the address can ping.
    let ping_url = uuid.filter(|_| who.acts).map(|uuid| format!("{}/ping/{uuid}", watching.pings.url));
    let main = page::check(&story, ping_url.as_deref(), &who, now);
    Ok(drawn(&watching, &who, Place::Checks, format!("{}: {}", name, story.page.view.health), &main, now))
}

/// `?before=MILLISECONDS.KEY`, `?before=MILLISECONDS`.
#[derive(Debug, Deserialize)]
pub(super) struct Older {
    #[serde(default)]
    before: String,
}

/// `GET /incidents`.
pub(super) async fn incidents(State(watching): State<Watching>, Reader(who): Reader, Query(older): Query<Older>) -> Page {
    let now = watching.monitor.now();
    let before = older.before.split_once('.').and_then(|(millis, key)| Some((Moment::from_millis(millis.parse().ok()?), key)));
    let open = if before.is_none() { watching.monitor.open_incidents(ROWS, now).await? } else { Vec::new() };
    let found = watching.monitor.incidents_before(None, before.unwrap_or((Moment::from_millis(i64::MAX), "")), ROWS).await?;
    let is_full = found.len() == usize::try_from(ROWS).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| is_full).map(|(opened_at, incident)| format!("{}.{}", opened_at.as_millis(), incident.key));
    let main = page::incidents(&open, &found, next.as_deref(), now);
    Ok(drawn(&watching, &who, Place::Incidents, "Incidents".to_owned(), &main, now))
}

/// `GET /incidents/KEY`.
pub(super) async fn incident(State(watching): State<Watching>, Reader(who): Reader, Path(key): Path<String>) -> Page {
    let now = watching.monitor.now();
    let story = watching.monitor.incident_story(&key, now).await?;
    let story = story.ok_or_else(|| ApiError::NotFound(format!("there is no incident \"{key}\": it may have been forgotten")))?;
    let title = format!("{}: incident", story.view.incident.subject());
    Ok(drawn(&watching, &who, Place::Incidents, title, &page::incident(&story, &who, now), now))
}

/// `GET /switches`.
pub(super) async fn switches(State(watching): State<Watching>, Reader(who): Reader, Query(older): Query<Older>) -> Page {
    let now = watching.monitor.now();
    let before = older.before.parse().map_or(Moment::from_millis(i64::MAX), Moment::from_millis);
    let entries = watching.monitor.history(before, ROWS).await?;
    let live = watching.monitor.live().await?;
    let is_more = entries.len() == usize::try_from(ROWS).unwrap_or(usize::MAX);
    let main = page::switches(&entries, is_more, &live, now);
    Ok(drawn(&watching, &who, Place::Switches, "Switches".to_owned(), &main, now))
}

/// `GET /beats/ID/body`: as it came, whatever it is.
pub(super) async fn body(watching: State<Watching>, _: Reader, id: Result<Path<i64>, PathRejection>) -> Result<Response, ApiError> {
    log::body(watching, id).await
}

fn drawn(watching: &Watching, who: &Who, place: Place, title: String, main: &Markup, now: Moment) -> Response {
    shown(&Frame { app: &watching.monitor.settings().app, title, place, who, now }.around(main))
}
