//! What anybody may see, as a page, for machines, for feed readers and on other people's pages.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::super::error::ApiError;
use super::super::page::{self, assets};
use super::super::serve::{OwnHosts, guarded_without_metrics};
use super::super::watching::Watching;
use super::answer::{PageError, other, see, shown};
use crate::monitor::public::PublicView;

/// So long others may keep it.
const BRIEFLY: &str = "public, max-age=30";

/// Under `/public`.
pub(super) fn routes() -> Router<Watching> {
    Router::new()
        .route("/public", get(view))
        .route("/public/status.json", get(status))
        .route("/public/feed.rss", get(feed))
        .route("/public/badge.svg", get(badge))
        .route("/public/badge/{check}", get(badge_of))
}

/// A listener for that alone.
pub fn router(watching: Watching, own: OwnHosts) -> Router {
    let router = routes().merge(assets_only()).route("/", get(|| async { see("/public") })).with_state(watching);
    guarded_without_metrics(router, own)
}

/// The style sheet, the script and the icon.
pub(super) fn assets_only() -> Router<Watching> {
    const LONG: &str = "public, max-age=31536000, immutable";
    Router::new()
        .route("/style.css", get(|| async { other("text/css; charset=utf-8", LONG, assets::STYLE) }))
        .route("/live.js", get(|| async { other("text/javascript; charset=utf-8", LONG, assets::SCRIPT) }))
        .route("/icon.svg", get(|| async { other("image/svg+xml", LONG, assets::ICON) }))
}

async fn published(watching: &Watching) -> Result<PublicView, ApiError> {
    if !watching.door.public.is_open() {
        return Err(ApiError::NotFound("nothing is public here: [public] checks = [..] in the config says what is to be".into()));
    }
    let view = watching.monitor.public(&watching.door.public, watching.monitor.now()).await;
    view.map_err(|error| ApiError::Unavailable(format!("nothing can be shown: {error}")))
}

async fn view(State(watching): State<Watching>) -> Result<Response, PageError> {
    Ok(shown(&page::public(&published(&watching).await?)))
}

async fn status(State(watching): State<Watching>) -> Result<Response, ApiError> {
    Ok(Json(published(&watching).await?).into_response())
}

async fn feed(State(watching): State<Watching>) -> Result<Response, ApiError> {
    let feed = page::rss(&published(&watching).await?, &watching.door.public_url());
    Ok(other("application/rss+xml; charset=utf-8", BRIEFLY, feed))
}

async fn badge(State(watching): State<Watching>) -> Result<Response, ApiError> {
    let view = published(&watching).await?;
    Ok(other("image/svg+xml", BRIEFLY, page::svg_badge(&view.title, view.worst())))
}

/// `/public/badge/NAME.svg`.
async fn badge_of(State(watching): State<Watching>, Path(file): Path<String>) -> Result<Response, ApiError> {
    let view = published(&watching).await?;
    let name = file.strip_suffix(".svg").unwrap_or(&file);
    let check = view.checks.iter().find(|check| check.name == name);
    let check = check.ok_or_else(|| ApiError::NotFound(format!("no public check is named \"{name}\"")))?;
    Ok(other("image/svg+xml", BRIEFLY, page::svg_badge(&check.name, check.health)))
}
