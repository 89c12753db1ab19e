//! A page as an answer, and why there is none.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;

use super::super::error::ApiError;
use super::super::page::{self, Frame, Place, Who};
use crate::clock;
use crate::monitor::MonitorError;
use crate::monitor::orders::OrderError;
use crate::net::place::segment;

/// Our own style sheet, script, icon and events; forms to ourselves; nothing inline, nothing from elsewhere, no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// Why there is no page.
#[derive(Debug)]
pub(super) enum PageError {
    /// Whoever asks has to sign in first, and then comes back here.
    SignIn(String),
    /// Anything else.
    Failed(ApiError),
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<MonitorError> for PageError {
    fn from(error: MonitorError) -> Self {
        Self::Failed(ApiError::Unavailable(format!("nothing can be shown: {error}")))
    }
}

impl From<OrderError> for PageError {
    fn from(error: OrderError) -> Self {
        Self::Failed(match error {
            OrderError::NotFound(words) => ApiError::NotFound(words),
            OrderError::Wrong(words) => ApiError::BadRequest(words),
            OrderError::Store(error) => ApiError::Unavailable(error.to_string()),
        })
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let error = match self {
            Self::SignIn(next) => return see(&format!("/sign-in?next={}", segment(&next))),
            Self::Failed(error) => error,
        };
        let title = error.status().canonical_reason().unwrap_or("It did not work").to_owned();
        let main = page::trouble(&title, &error.to_string());
        let frame = Frame { app: "allswell", title, place: Place::Aside, who: &Who::default(), now: clock::now() };
        with_status(error.status(), &frame.around(&main))
    }
}

/// A page.
pub(super) fn shown(markup: &Markup) -> Response {
    with_status(StatusCode::OK, markup)
}

/// A page that says what went wrong.
pub(super) fn with_status(status: StatusCode, markup: &Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A form says where it stands only where the policy lets it.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let headers: [(HeaderName, HeaderValue); 5] = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (status, headers, markup.0.clone()).into_response()
}

/// What is not a page: a style sheet, a feed, a badge.
pub(super) fn other(kind: &'static str, cache: &'static str, text: impl Into<String>) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, text.into()).into_response()
}

/// Go there.
pub(super) fn see(place: &str) -> Response {
    // A path of ours has nothing in it that a header does not take.
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// A path of ours, and nobody else's: `//other.example` and `/\other.example` are no paths of ours.
pub(super) fn own_path(given: &str) -> &str {
    let is_ours = given.starts_with('/') && !given[1..].starts_with(['/', '\\']) && given.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { given } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for path in ["/", "/checks?q=a&status=down", "/incidents/a-1"] {
            assert_eq!(own_path(path), path);
        }
        for elsewhere in ["", "checks", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "/ä"] {
            assert_eq!(own_path(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
