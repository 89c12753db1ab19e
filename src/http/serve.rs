//! What every listener but the proxy's has in common: its own `Host` only, `/healthz`, `/metrics`, bearer tokens, an orderly end.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::error::ApiError;
use crate::signing::same;
use crate::telemetry::metrics;

/// The hosts that a listener answers to: its own address, any IP address or `localhost` by name, and those given.
#[derive(Debug, Clone)]
pub struct OwnHosts(Arc<Vec<String>>);

impl OwnHosts {
    /// With names, or URLs that begin with `http://` or `https://`, under which the listener is found besides its address.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let bare = |name: String| {
            let name = name.trim_start_matches("http://").trim_start_matches("https://");
            let authority = name.split('/').next().unwrap_or_default();
            host_of(authority.rsplit('@').next().unwrap_or_default()).to_ascii_lowercase()
        };
        Self(Arc::new(names.into_iter().map(bare).collect()))
    }

    /// A name that resolves to us by another's will (DNS rebinding) is foreign; an IP address cannot be.
    fn accepts(&self, host: &str) -> bool {
        let host = host_of(host);
        let is = |name: &str| host.eq_ignore_ascii_case(name);
        is("localhost") || host.parse::<IpAddr>().is_ok() || self.0.iter().any(|name| is(name))
    }

    /// Whether a request is for this listener.
    ///
    /// # Errors
    /// 421 where its `Host` is foreign.
    pub(super) fn admit<B>(&self, request: &Request<B>) -> Result<(), ApiError> {
        let header = || request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = request.uri().authority().map(Authority::as_str).or_else(header).unwrap_or_default();
        if self.accepts(host) { Ok(()) } else { Err(ApiError::Misdirected(host.to_owned())) }
    }
}

/// The host without its port and without the brackets of IPv6.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

async fn own_host_only(State(own): State<OwnHosts>, request: Request<Body>, next: Next) -> Result<Response, ApiError> {
    own.admit(&request)?;
    Ok(next.run(request).await)
}

/// Adds `/metrics`, a 404 and a 405 that say so, and the check of `Host`.
pub fn guarded(router: Router, own: OwnHosts) -> Router {
    let metrics = get(|| async { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::render()) });
    guarded_without_metrics(router.route("/metrics", metrics), own)
}

/// Adds a 404 and a 405 that say so, and the check of `Host`; no `/metrics`, for what is open to the public.
pub(super) fn guarded_without_metrics(router: Router, own: OwnHosts) -> Router {
    router
        .fallback(|request: Request<Body>| async move { ApiError::NotFound(format!("there is nothing at {}", request.uri().path())) })
        .method_not_allowed_fallback(|request: Request<Body>| async move {
            ApiError::WrongMethod(format!("{} does not take {}", request.uri().path(), request.method()))
        })
        .layer(from_fn_with_state(own, own_host_only))
}

/// The answer of `/healthz`: 200 `ok`, or 503 and why.
#[must_use]
pub fn healthz(trouble: Option<String>) -> Response {
    match trouble {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Whether the request carries this bearer token.
///
/// # Errors
/// 401 where it carries none or another.
pub fn require_bearer(headers: &HeaderMap, token: &str) -> Result<(), ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    match given {
        Some(given) if same(given, token) => Ok(()),
        Some(_) => Err(ApiError::Unauthorized("the bearer token is wrong".into())),
        None => Err(ApiError::Unauthorized("a bearer token is needed".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_host_is_foreign_and_an_address_is_not() {
        let own = OwnHosts::new(["https://ann:secret@status.example.org/all", "prober:7701"].map(str::to_owned));
        for host in ["127.0.0.1:7700", "localhost", "[::1]:80", "Status.example.org:443", "prober", "prober:80"] {
            assert!(own.accepts(host), "{host}");
        }
        for host in ["evil.example", "", "status.example.org.evil.example"] {
            assert!(!own.accepts(host), "{host}");
        }
    }

    #[test]
    fn a_bearer_token_is_compared_whole() {
        let mut headers = HeaderMap::new();
        assert!(require_bearer(&headers, "t").is_err());
        headers.insert(header::AUTHORIZATION, "Bearer t".parse().unwrap());
        assert!(require_bearer(&headers, "t").is_ok());
        assert!(require_bearer(&headers, "tt").is_err());
    }
}
