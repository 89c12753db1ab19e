//! Who looks, and who may act.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};

use super::super::error::ApiError;
use super::super::origin;
use super::super::page::Who;
use super::super::watching::Watching;
use super::answer::PageError;
use super::session::{Session, seal};
use crate::monitor::May;

/// Somebody who may look: who is on this machine, or has signed in.
#[derive(Debug)]
pub(super) struct Reader(pub(super) Who);

/// Somebody who may act, and whose browser says that the page they act from is ours. By this name it goes on the record.
#[derive(Debug)]
pub(super) struct Actor(pub(super) String);

/// A request that comes from a page of ours, whoever sent it.
#[derive(Debug)]
pub(super) struct FromOurs;

impl FromRequestParts<Watching> for Reader {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, watching: &Watching) -> Result<Self, PageError> {
        let (who, may) = visitor(parts, watching);
        if is_reader(may, parts) { Ok(Self(who)) } else { Err(PageError::SignIn(parts.uri.to_string())) }
    }
}

impl FromRequestParts<Watching> for FromOurs {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, watching: &Watching) -> Result<Self, PageError> {
        let https = is_https(parts, watching);
        let given = parts.headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if is_own(given, &authority(&parts.uri, &parts.headers), https) {
            return Ok(Self);
        }
        Err(ApiError::Forbidden("this was not sent from a page of ours (its Origin is another): load the page anew, and try again".into())
            .into())
    }
}

impl FromRequestParts<Watching> for Actor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, watching: &Watching) -> Result<Self, PageError> {
        FromOurs::from_request_parts(parts, watching).await?;
        match visitor(parts, watching) {
            (Who { name: Some(name), acts: true }, _) => Ok(Self(name)),
            (Who { name: Some(_), acts: false }, _) => {
                Err(ApiError::Forbidden("with this key one looks: to act, sign in with one that may write".into()).into())
            }
            (Who { name: None, .. }, _) => Err(ApiError::Unauthorized("to act, sign in first".into()).into()),
        }
    }
}

/// Whether they may look: who is on this machine, or has signed in.
pub(in crate::http) fn reads(parts: &Parts, watching: &Watching) -> bool {
    is_reader(visitor(parts, watching).1, parts)
}

fn is_reader(may: Option<May>, parts: &Parts) -> bool {
    may.is_some_and(|may| may.allows(May::Read)) || origin::is_here(peer(parts), &parts.headers)
}

/// Whether the visitor comes by HTTPS: our listener speaks it, the config says so, or a trusted proxy.
pub(super) fn is_https(parts: &Parts, watching: &Watching) -> bool {
    let said = parts.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https");
    watching.door.is_https() || (said && is_trusted(parts, watching))
}

/// Who it is, and what they may.
fn visitor(parts: &Parts, watching: &Watching) -> (Who, Option<May>) {
    let named = named_by_proxy(parts, watching).map(|name| (name, Some(May::Write)));
    let signed_in = || {
        let session = Session::of(&parts.headers, &watching.door.key, watching.monitor.now())?;
        // What a key may is what the config says of it now.
        let may = match &session.key {
            None => Some(May::Write),
            Some(sealed) => watching.pings.keys.iter().find(|known| seal(&watching.door.key, known) == *sealed).map(|known| known.may),
        };
        Some((session.name, may))
    };
    match named.or_else(signed_in) {
        Some((name, Some(may))) => (Who { name: Some(name), acts: may.allows(May::Write) }, Some(may)),
        Some((_, None)) | None => (Who::default(), None),
    }
}

/// Whom a trusted proxy has signed in.
fn named_by_proxy(parts: &Parts, watching: &Watching) -> Option<String> {
    let header = watching.door.settings.user_header.as_ref().filter(|_| is_trusted(parts, watching))?;
    let name = parts.headers.get(header.as_str())?.to_str().ok()?.trim();
    (!name.is_empty()).then(|| name.chars().take(100).collect())
}

fn is_trusted(parts: &Parts, watching: &Watching) -> bool {
    let peer = peer(parts).to_canonical();
    watching.door.settings.trusted.iter().any(|network| network.contains(peer))
}

fn peer(parts: &Parts) -> std::net::IpAddr {
    // Without a peer nobody is on this machine.
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip())
}

fn authority(uri: &Uri, headers: &HeaderMap) -> String {
    let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(ToString::to_string).or(header.map(str::to_owned)).unwrap_or_default()
}

/// Whether this `Origin` is that of a page under this `Host`.
fn is_own(origin: &str, host: &str, https: bool) -> bool {
    let is_of = |scheme: &str, port: &str| {
        let bare = origin.strip_prefix(scheme).unwrap_or_default();
        !bare.is_empty() && bare.eq_ignore_ascii_case(host.strip_suffix(port).unwrap_or(host))
    };
    is_of("https://", ":443") || (!https && is_of("http://", ":80"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_under_the_same_host_is_ours() {
        for (origin, host, https, ours) in [
            ("http://127.0.0.1:7700", "127.0.0.1:7700", false, true),
            ("https://status.example.org", "Status.example.org", true, true),
            ("https://status.example.org", "status.example.org:443", true, true),
            ("http://status.example.org", "status.example.org", true, false),
            ("http://127.0.0.1:8000", "127.0.0.1:7700", false, false),
            ("http://evil.example", "127.0.0.1:7700", false, false),
            ("null", "127.0.0.1:7700", false, false),
            ("", "", false, false),
            ("http://", "", false, false),
        ] {
            assert_eq!(is_own(origin, host, https), ours, "{origin} {host}");
        }
    }
}
