//! What a client gets: the app's answer, or what went wrong, in words.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::claim::Claim;
use super::client::Activity;
use super::upstream::Lease;
use crate::domain::colour::Colour;

/// Why the proxy answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody listens there.
    Refused,
    /// No way there.
    Unreachable,
    /// The connection broke before the answer.
    Broken,
    /// The colour was cut.
    Cut,
    /// No colour is live.
    Undefined,
    /// The colour's name does not resolve.
    NoAddress,
    /// It does not take the connection.
    ConnectTimeout(Duration),
    /// It does not answer.
    AnswerTimeout(Duration),
    /// The client has stopped sending its request.
    ClientTimeout,
    /// The client's body broke off or is malformed.
    BadBody,
    /// No `Host`.
    NoHost,
    /// `CONNECT`.
    NoTunnel,
}

impl Trouble {
    /// The status code.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Refused | Self::Unreachable | Self::Broken | Self::Cut => StatusCode::BAD_GATEWAY,
            Self::Undefined | Self::NoAddress => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout(_) | Self::AnswerTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BadBody | Self::NoHost => StatusCode::BAD_REQUEST,
            Self::NoTunnel => StatusCode::NOT_IMPLEMENTED,
        }
    }

    /// The label of the metric.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Cut => "cut",
            Self::Undefined => "undefined",
            Self::NoAddress => "no_address",
            Self::ConnectTimeout(_) => "connect_timeout",
            Self::AnswerTimeout(_) => "answer_timeout",
            Self::ClientTimeout => "client_timeout",
            Self::BadBody | Self::NoHost | Self::NoTunnel => "bad_request",
        }
    }

    /// In words, without addresses: the public reads it.
    fn words(self, colour: Option<Colour>) -> String {
        let colour = colour.map_or("the app", Colour::as_str);
        match self {
            Self::Refused => format!("{colour} refuses connections"),
            Self::Unreachable => format!("{colour} cannot be reached"),
            Self::Broken => format!("{colour} broke the connection before it answered"),
            Self::Cut => format!("{colour} was told to end what was still running"),
            Self::Undefined => "no colour is live: the proxy's state is undefined".to_owned(),
            Self::NoAddress => format!("{colour} has no address"),
            Self::ConnectTimeout(limit) => format!("{colour} did not take the connection within {limit:?}"),
            Self::AnswerTimeout(limit) => format!("{colour} did not answer within {limit:?}"),
            Self::ClientTimeout => "the request's body did not arrive".to_owned(),
            Self::BadBody => "the request's body broke off".to_owned(),
            Self::NoHost => "a request needs a Host".to_owned(),
            Self::NoTunnel => "CONNECT is not for this proxy".to_owned(),
        }
    }

    /// The answer that says so.
    pub(super) fn answer(self, colour: Option<Colour>) -> Response<Source> {
        let status = self.status();
        let text = format!("{}: {}\n", status.as_u16(), self.words(colour));
        let mut answer = Response::new(Source::Words(Some(Bytes::from(text))));
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

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
    body: Incoming,
    lease: Lease,
    is_over: bool,
    _claim: Claim,
}

impl Passing {
    /// From the app to the client.
    pub(super) fn new(body: Incoming, lease: Lease, claim: Claim) -> Self {
        Self { body, lease, is_over: false, _claim: claim }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if self.is_over || self.body.is_end_stream() {
            self.lease.give_back();
        }
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
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.get_mut().source {
            Source::Words(words) => Poll::Ready(words.take().map(|words| Ok(Frame::data(words)))),
            Source::App(passing) => {
                let frame = ready!(Pin::new(&mut passing.body).poll_frame(cx));
                passing.is_over = frame.is_none();
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Words(words) => words.is_none(),
            Source::App(passing) => passing.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Words(words) => SizeHint::with_exact(words.as_ref().map_or(0, |words| words.len() as u64)),
            Source::App(passing) => passing.body.size_hint(),
        }
    }
}
