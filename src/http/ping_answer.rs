//! What a ping is answered, in the words of healthchecks.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use super::ping_url::NoPing;
use crate::monitor::IngestError;

/// It was taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) is_new: bool,
    pub(super) body_limit: u32,
}

/// It was not: in the words of healthchecks, or in our own where it has none.
#[derive(Debug)]
pub(super) struct Refused(pub(super) ApiError);

impl Refused {
    pub(super) fn not_found() -> Self {
        Self(ApiError::NotFound("not found".into()))
    }

    pub(super) fn bad_url() -> Self {
        Self(ApiError::BadRequest("invalid url format".into()))
    }

    pub(super) fn bad_run() -> Self {
        Self(ApiError::BadRequest("invalid uuid format".into()))
    }
}

impl IntoResponse for Taken {
    fn into_response(self) -> Response {
        let (status, words) = if self.is_new { (StatusCode::CREATED, "Created") } else { (StatusCode::OK, "OK") };
        let mut response = (status, words).into_response();
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("ping-body-limit"), HeaderValue::from(self.body_limit));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=0, no-cache, no-store, must-revalidate, private"));
        response
    }
}

/// Plain text, and counted.
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.count();
        let words = self.0.to_string();
        let whole = self.0.into_response();
        let mut response = (whole.status(), words).into_response();
        if let Some(retry) = whole.headers().get(header::RETRY_AFTER) {
            response.headers_mut().insert(header::RETRY_AFTER, retry.clone());
        }
        response
    }
}

impl From<NoPing> for Refused {
    fn from(why: NoPing) -> Self {
        match why {
            NoPing::NotFound => Self::not_found(),
            NoPing::BadSlug => Self::bad_url(),
        }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Duration> for Refused {
    fn from(wait: Duration) -> Self {
        Self(ApiError::TooOften(wait))
    }
}

impl From<IngestError> for Refused {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::UnknownCheck(_) => Self::not_found(),
            IngestError::Refused(_) | IngestError::NameTaken(_) | IngestError::TooMany(_) | IngestError::Unavailable(_) => {
                Self(ApiError::from(&error))
            }
        }
    }
}
