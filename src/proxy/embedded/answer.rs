//! What a client gets: the app's answer, or our own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::claim::Claim;
use super::client::Activity;
use super::lease::{BrokenOff, Lease};
use super::trouble::Trouble;
use crate::domain::colour::Colour;

/// Where a body comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// Our own words, until they are sent.
    Words(Option<Bytes>),
    /// The app.
    App(Passing),
}

/// The app's body on its way to the client, with the claim that ends when it does.
#[derive(Debug)]
pub(super) struct Passing {
    lease: Lease,
    _claim: Claim,
}

impl Passing {
    /// From the app to the client.
    pub(super) fn new(lease: Lease, claim: Claim) -> Self {
        Self { lease, _claim: claim }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.lease.give_back();
    }
}

/// An answer's body; when it is dropped the client's connection is idle.
#[derive(Debug)]
pub(super) struct AnswerBody {
    source: Source,
    client: Arc<Activity>,
}

impl AnswerBody {
    /// Of an answer on this client's connection.
    pub(super) fn new(source: Source, client: Arc<Activity>) -> Self {
        Self { source, client }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.client.is_idle();
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut self.get_mut().source {
            Source::Words(words) => Poll::Ready(words.take().map(|words| Ok(Frame::data(words)))),
            Source::App(passing) => passing.lease.poll_body(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Words(words) => words.is_none(),
            Source::App(passing) => passing.lease.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Words(words) => SizeHint::with_exact(words.as_ref().map_or(0, |words| words.len() as u64)),
            Source::App(passing) => passing.lease.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// The answer that says what went wrong.
pub(super) fn in_words(trouble: Trouble, colour: Option<Colour>) -> Response<Source> {
    let status = trouble.status();
    let text = format!("{}: {}\n", status.as_u16(), trouble.words(colour));
    let mut answer = Response::new(Source::Words(Some(Bytes::from(text))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}
