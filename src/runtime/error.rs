//! Why a runtime did not do it.

use super::process::control::UpError;

/// Why a runtime did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Nobody answers: what was asked, and why, in the user's words.
    #[error("{0}")]
    Silent(String),
    /// It cannot be done, in the user's words: a refusal, an image that is not there.
    #[error("{0}")]
    Refused(String),
    /// Somebody else changed the same thing at the same time.
    #[error("{0}")]
    Conflict(String),
    /// The time that it may take was over.
    #[error("{0}")]
    Late(String),
}

impl From<UpError> for RuntimeError {
    fn from(error: UpError) -> Self {
        match error {
            UpError::Silent(..) => Self::Silent(error.to_string()),
            UpError::Refused(_) => Self::Refused(error.to_string()),
        }
    }
}
