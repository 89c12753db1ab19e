//! One error, one answer.

use std::sync::LazyLock;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::IntCounterVec;
use serde_json::json;

use crate::domain::moment::humane;
use crate::monitor::IngestError;
use crate::telemetry::metrics;

static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| metrics::counter("allswell_beats_refused_total"));

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

const REASONS: [&str; 6] = ["malformed", "unauthorized", "unknown_check", "too_large", "too_often", "unavailable"];

/// Whoever reads the metrics finds every reason, also before the first: a rate needs a zero to rise from.
pub(super) fn count_from_zero() {
    for reason in REASONS {
        REFUSED.with_label_values(&[reason]).inc_by(0);
    }
}

impl ApiError {
    /// Counts a beat that was refused for it.
    pub(super) fn count(&self) {
        let [malformed, unauthorized, unknown_check, too_large, too_often, unavailable] = REASONS;
        let reason = match self {
            Self::BadRequest(_) | Self::Conflict(_) | Self::Misdirected(_) | Self::WrongMethod(_) => malformed,
            Self::Unauthorized(_) | Self::Forbidden(_) => unauthorized,
            Self::NotFound(_) => unknown_check,
            Self::TooLarge(_) => too_large,
            Self::TooOften(_) => too_often,
            Self::Unavailable(_) => unavailable,
        };
        REFUSED.with_label_values(&[reason]).inc();
    }

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

impl From<&IngestError> for ApiError {
    fn from(error: &IngestError) -> Self {
        let words = error.to_string();
        match error {
            IngestError::UnknownCheck(_) => Self::NotFound(words),
            IngestError::Refused(_) => Self::BadRequest(words),
            IngestError::NameTaken(_) => Self::Conflict(words),
            IngestError::TooMany(_) => Self::Forbidden(words),
            IngestError::Unavailable(_) => Self::Unavailable(words),
        }
    }
}

/// `{"error": "in the user's words"}`.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(json!({ "error": self.to_string() }))).into_response();
        if matches!(self, Self::TooLarge(_)) {
            // The rest of the body is not read: whoever would ask next over this connection is to know that it ends.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
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
