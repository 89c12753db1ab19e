//! One request and its answer on a connection.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use hyper::{Method, StatusCode};
use tokio::net::TcpStream;

use super::chunked::{Chunked, Piece};
use super::connection::Connection;
use super::head::{Framing, Head, parse_answer};
use super::headers::prepare_trailers;
use super::outgoing::{Outgoing, Stuck};
use super::running::Cut;
use super::share::{Busy, Share};
use super::trouble::Trouble;
use crate::proxy::ProxyTimeouts;

/// A head that takes more than this is refused.
const HEAD_LIMIT: usize = 256 * 1024;

/// A connection that carries one request and its answer. It is closed when this is dropped, unless it was given back.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Option<Connection>,
    busy: Busy,
    request: Option<Outgoing>,
    /// The app takes no more of the request; its answer may still come.
    is_deaf: bool,
    keeps_alive: bool,
    framing: Framing,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nothing was written: the request as it was.
    Unsent(Outgoing),
    /// The connection ended before the answer began.
    Broken,
    /// The client's body is larger than allowed.
    TooLarge,
    /// Anything else.
    Trouble(Trouble),
}

/// The answer's body broke off, or was malformed.
#[derive(Debug, thiserror::Error)]
#[error("the app broke off its answer")]
pub(super) struct BrokenOff;

impl Lease {
    /// Of this connection.
    pub(super) fn new(connection: Connection, busy: Busy) -> Self {
        Self { connection: Some(connection), busy, request: None, is_deaf: false, keeps_alive: true, framing: Framing::Length(0) }
    }

    /// Whether it is of this worker's part of an address.
    pub(super) fn is_of(&self, share: &Arc<Share>) -> bool {
        self.busy.is_of(share)
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// Where none comes; with the request where nothing of it was written.
    pub(super) async fn send(&mut self, request: Outgoing, method: &Method, limits: &ProxyTimeouts) -> Result<Head, Unanswered> {
        self.request = Some(request);
        self.keeps_alive = false;
        std::future::poll_fn(|cx| self.poll_head(cx, method, limits)).await
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, method: &Method, limits: &ProxyTimeouts) -> Poll<Result<Head, Unanswered>> {
        match self.poll_request(cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            // What was not written at all may be sent elsewhere; otherwise the app may have answered before it had read everything.
            Poll::Ready(Ok(())) if self.is_deaf => {
                if let Some(request) = self.request.take_if(|request| !request.has_written) {
                    return Poll::Ready(Err(Unanswered::Unsent(request)));
                }
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        let Some(connection) = &mut self.connection else { return Poll::Ready(Err(Unanswered::Broken)) };
        loop {
            match read_head(connection, cx, method) {
                Poll::Ready(Ok(Some(head))) => {
                    self.keeps_alive = head.keeps_alive;
                    self.framing = head.framing;
                    return Poll::Ready(Ok(head));
                }
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if connection.is_cut(cx.waker()) {
            return Poll::Ready(Err(Unanswered::Trouble(Trouble::Cut)));
        }
        while connection.poll_timer(cx).is_ready() {
            let left = patience(self.request.as_ref(), limits).map_err(Unanswered::Trouble)?;
            connection.wake_after(left);
        }
        Poll::Pending
    }

    /// Writes what there is of the request. Ready where nothing more will be written.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unanswered>> {
        let (Some(connection), Some(request)) = (&mut self.connection, &mut self.request) else { return Poll::Ready(Ok(())) };
        if self.is_deaf || request.is_over() {
            return Poll::Ready(Ok(()));
        }
        match ready!(request.poll(&mut connection.stream, cx)) {
            Ok(()) => {}
            Err(Stuck::App) => self.is_deaf = true,
            Err(Stuck::TooLarge) => return Poll::Ready(Err(Unanswered::TooLarge)),
            Err(Stuck::Client(error)) => {
                tracing::debug!(%error, "a request's body broke off");
                return Poll::Ready(Err(Unanswered::Trouble(Trouble::BadBody)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The next piece of the answer's body.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        // The rest of a request may go on while it is answered; that it breaks off is no reason not to pass the answer on.
        if let Poll::Ready(Err(_)) = self.poll_request(cx) {
            self.is_deaf = true;
        }
        loop {
            let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
            let piece = piece(&mut connection.input, &mut self.framing);
            connection.release();
            match piece {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if is_over(self.framing) => return Poll::Ready(None),
                Ok(None) => {}
                Err(BrokenOff) => return Poll::Ready(Some(Err(BrokenOff))),
            }
            let expected = if let Framing::Length(left) = self.framing { left } else { u64::MAX };
            match connection.poll_read(cx, expected) {
                Poll::Pending if connection.is_cut(cx.waker()) => return Poll::Ready(Some(Err(BrokenOff))),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) if self.framing == Framing::UntilClose => self.framing = Framing::Length(0),
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Some(Err(BrokenOff))),
                Poll::Ready(Ok(_)) => {}
            }
        }
    }

    /// Whether the answer's body has ended.
    pub(super) fn is_over(&self) -> bool {
        is_over(self.framing)
    }

    /// How much of the answer's body is to come, where it was said.
    pub(super) fn left(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(left) => Some(left),
            Framing::Chunked(_) | Framing::UntilClose => None,
        }
    }

    /// The cut that may end it.
    pub(super) fn cut(&self) -> Option<&Arc<Cut>> {
        self.connection.as_ref().map(Connection::cut)
    }

    /// The answer is an event stream that was claimed under this epoch.
    pub(super) fn carries_stream(&self, epoch: u64) {
        if let Some(connection) = &self.connection {
            connection.carries_stream(epoch);
        }
    }

    /// Whether nobody will read what is left of the request's body, once this is over.
    pub(super) fn leaves_unread(&self) -> bool {
        self.request.as_ref().is_some_and(Outgoing::has_upload)
    }

    /// The answer has ended: the connection may be used again, if both sides have said all they had to say.
    pub(super) fn give_back(&mut self) {
        let is_spent = !self.keeps_alive || self.is_deaf || !self.is_over() || self.request.as_ref().is_some_and(|sent| !sent.is_over());
        if let Some(connection) = self.connection.take_if(|_| !is_spent) {
            self.busy.put(connection);
        }
    }

    /// The connection after the protocol has changed, and what the app has already said on it.
    pub(super) fn into_stream(mut self) -> Option<(TcpStream, Bytes)> {
        self.connection.take().map(Connection::into_parts)
    }
}

/// Reads until a head is complete. Interim answers are passed over: none.
fn read_head(connection: &mut Connection, cx: &mut Context<'_>, method: &Method) -> Poll<Result<Option<Head>, Unanswered>> {
    let bad = |_| Unanswered::Trouble(Trouble::BadAnswer);
    if !connection.input.is_empty()
        && let Some(head) = parse_answer(&mut connection.input, method).map_err(bad)?
    {
        connection.release();
        let is_interim = head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS;
        return Poll::Ready(Ok((!is_interim).then_some(head)));
    }
    if connection.input.len() > HEAD_LIMIT {
        return Poll::Ready(Err(Unanswered::Trouble(Trouble::BadAnswer)));
    }
    match ready!(connection.poll_read(cx, 0)) {
        Ok(0) | Err(_) if connection.input.is_empty() => Poll::Ready(Err(Unanswered::Broken)),
        Ok(0) | Err(_) => Poll::Ready(Err(Unanswered::Trouble(Trouble::Broken))),
        Ok(_) => Poll::Ready(Ok(None)),
    }
}

/// What of the body has been read.
fn piece(input: &mut BytesMut, framing: &mut Framing) -> Result<Option<Frame<Bytes>>, BrokenOff> {
    match framing {
        Framing::Length(left) => {
            let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
            *left -= length as u64;
            Ok((length > 0).then(|| Frame::data(input.split_to(length).freeze())))
        }
        Framing::UntilClose => Ok((!input.is_empty()).then(|| Frame::data(input.split().freeze()))),
        Framing::Chunked(state) => match state.next(input).map_err(|_| BrokenOff)? {
            Piece::Data(data) => Ok(Some(Frame::data(data))),
            Piece::End(mut trailers) => {
                prepare_trailers(&mut trailers);
                Ok((!trailers.is_empty()).then(|| Frame::trailers(trailers)))
            }
            Piece::More => Ok(None),
        },
    }
}

fn is_over(framing: Framing) -> bool {
    matches!(framing, Framing::Length(0) | Framing::Chunked(Chunked::Over))
}

/// How long to go on waiting: an upload that moves, or that waits for its client, does not count against the app.
fn patience(request: Option<&Outgoing>, limits: &ProxyTimeouts) -> Result<Duration, Trouble> {
    let Some(request) = request else { return Ok(limits.response_header) };
    let (limit, trouble) = match request.awaits_client() {
        true => (limits.client, Trouble::ClientTimeout),
        false => (limits.response_header, Trouble::AnswerTimeout(limits.response_header)),
    };
    match limit.saturating_sub(request.still()) {
        Duration::ZERO => Err(trouble),
        left => Ok(left.min(limits.response_header).min(limits.client)),
    }
}
