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

/// It was not.
#[derive(Debug)]
pub(super) enum Refused {
    NotFound,
    BadUrl,
    BadRun,
    /// In our own words: what healthchecks has none for.
    Api(ApiError),
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

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, words, retry) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not found".to_owned(), None),
            Self::BadUrl => (StatusCode::BAD_REQUEST, "invalid url format".to_owned(), None),
            Self::BadRun => (StatusCode::BAD_REQUEST, "invalid uuid format".to_owned(), None),
            Self::Api(error) => {
                let words = error.to_string();
                let response = error.into_response();
                (response.status(), words, response.headers().get(header::RETRY_AFTER).cloned())
            }
        };
        let mut response = (status, words).into_response();
        if let Some(retry) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, retry);
        }
        response
    }
}

impl From<NoPing> for Refused {
    fn from(why: NoPing) -> Self {
        match why {
            NoPing::NotFound => Self::NotFound,
            NoPing::BadSlug => Self::BadUrl,
        }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Duration> for Refused {
    fn from(wait: Duration) -> Self {
        Self::Api(ApiError::TooOften(wait))
    }
}

impl From<IngestError> for Refused {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::UnknownCheck(_) => Self::NotFound,
            IngestError::Refused(_) => Self::Api(ApiError::BadRequest(error.to_string())),
            IngestError::NameTaken(_) => Self::Api(ApiError::Conflict(error.to_string())),
            IngestError::TooMany(_) => Self::Api(ApiError::Forbidden(error.to_string())),
            IngestError::Unavailable(_) => Self::Api(ApiError::Unavailable(error.to_string())),
        }
    }
}
