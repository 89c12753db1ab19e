//! Why a question has no answer.

use super::super::error::ApiError;
use crate::monitor::MonitorError;

/// The store does not answer.
pub(super) fn unreadable(error: &MonitorError) -> ApiError {
    ApiError::Unavailable(format!("nothing can be read: {error}"))
}

/// There is no such check.
pub(super) fn unknown(name: &str) -> ApiError {
    ApiError::NotFound(format!("there is no check named \"{name}\""))
}
