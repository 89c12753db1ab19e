//! Signing in and out.

use std::net::SocketAddr;

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::error::ApiError;
use super::super::page::{self, Frame, Place, Who};
use super::super::watching::Watching;
use super::super::{keys, origin};
use super::answer::{PageError, own_path, see, with_status};
use super::session::{Session, forgotten, seal};
use super::visitor::{FromOurs, is_https};
use crate::monitor::May;
use crate::signing::same;

/// `?next=/checks`.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

/// The form.
#[derive(Deserialize)]
pub(super) struct Given {
    name: String,
    token: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`.
pub(super) async fn form(State(watching): State<Watching>, Query(wanted): Query<Wanted>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    drawn(&watching, StatusCode::OK, &wanted.next, None, !is_https(&parts, &watching))
}

/// `POST /sign-in`.
pub(super) async fn enter(
    State(watching): State<Watching>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    _: FromOurs,
    parts: axum::http::request::Parts,
    given: Result<Form<Given>, FormRejection>,
) -> Result<Response, PageError> {
    let Form(given) = given.map_err(|error| ApiError::BadRequest(error.body_text()))?;
    let address = origin::address(peer.ip(), &parts.headers, &watching.pings.settings.trusted);
    watching.pings.from(address).map_err(ApiError::TooOften)?;
    let https = is_https(&parts, &watching);
    let name: String = given.name.trim().chars().filter(|letter| !letter.is_control()).take(100).collect();
    let key = match entrance(&watching, given.token.trim()) {
        Some(_) if name.is_empty() => return Ok(drawn(&watching, StatusCode::BAD_REQUEST, &given.next, Some("Say who you are"), !https)),
        Some(key) => key,
        None => {
            tracing::warn!(%address, "a sign-in was refused");
            let wrong = Some("This token is not known here, or may not look");
            return Ok(drawn(&watching, StatusCode::UNAUTHORIZED, &given.next, wrong, !https));
        }
    };
    tracing::info!(name, %address, "signed in");
    let lasts = watching.door.settings.sign_in;
    let session = Session { name, key, until: watching.monitor.now() + lasts };
    let cookie = session.cookie(&watching.door.key, lasts, https);
    Ok(([(header::SET_COOKIE, cookie)], see(own_path(&given.next))).into_response())
}

/// `POST /sign-out`.
pub(super) async fn leave(State(watching): State<Watching>, _: FromOurs, parts: axum::http::request::Parts) -> Response {
    ([(header::SET_COOKIE, forgotten(is_https(&parts, &watching)))], see("/")).into_response()
}

/// With what somebody comes in: the watcher's token (none), or the key of this seal. Takes the same time for each.
fn entrance(watching: &Watching, token: &str) -> Option<Option<String>> {
    let key = keys::find(&watching.pings.keys, token).filter(|key| key.may.allows(May::Read));
    let is_token = same(token, &watching.token);
    if is_token { Some(None) } else { key.map(|key| Some(seal(&watching.door.key, key))) }
}

fn drawn(watching: &Watching, status: StatusCode, next: &str, wrong: Option<&str>, is_plain: bool) -> Response {
    let (app, now) = (watching.monitor.settings().app.as_str(), watching.monitor.now());
    let main = page::sign_in(own_path(next), wrong, is_plain);
    let frame = Frame { app, title: "Sign in".to_owned(), place: Place::Aside, who: &Who::default(), now };
    with_status(status, &frame.around(&main))
}
