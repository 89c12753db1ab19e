//! What we say ourselves, whatever the client would like to read.

use hyper::StatusCode;

/// What is said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) words: String,
    /// In how many seconds another try makes sense.
    pub(super) retry_after: Option<u32>,
    /// The name of its own page, before that of its status.
    pub(super) page: Option<&'static str>,
}
