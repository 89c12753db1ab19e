//! One error, one answer.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::moment::humane;

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It was not understood.
    #[error("{0}")]
    BadRequest(String),
    /// It needs a token or a signature, and has none or a wrong one.
    #[error("{0}")]
    Unauthorized(String),
    /// It may not do that from there.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// There is such a thing, and it is not done this way.
    #[error("{0}")]
    WrongMethod(String),
    /// Somebody else is at it.
    #[error("{0}")]
    Conflict(String),
    /// Too large.
    #[error("{0}")]
    TooLarge(String),
    /// Not for this listener: a foreign `Host`.
    #[error("this listener does not serve {0}")]
    Misdirected(String),
    /// Too often: so long is to be waited.
    #[error("too often: wait {}", humane(*.0))]
    TooOften(Duration),
    /// We cannot do it now: try again.
    #[error("{0}")]
    Unavailable(String),
}

impl ApiError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Misdirected(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// `{"error": "in the user's words"}`.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(json!({ "error": self.to_string() }))).into_response();
        let wait = match self {
            Self::Unavailable(_) => Some(1),
            Self::TooOften(wait) => Some(wait.as_secs() + 1),
            Self::BadRequest(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::WrongMethod(_)
            | Self::Conflict(_)
            | Self::TooLarge(_)
            | Self::Misdirected(_) => None,
        };
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
