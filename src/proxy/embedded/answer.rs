//! What a client gets: the app's answer, or our own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::access_log::AccessLog;
use super::claim::Claim;
use super::client::Activity;
use super::lease::{BrokenOff, Lease};
use super::metrics;
use super::record::Record;

/// Where a body comes from.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every body is the app's: a box would cost each of them an allocation")]
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
    claim: Claim,
    is_stream: bool,
}

impl Passing {
    /// From the app to the client.
    pub(super) fn new(lease: Lease, claim: Claim) -> Self {
        Self { lease, claim, is_stream: false }
    }

    /// An event stream: where it is cut it ends as if the app had ended it, so that the client comes again.
    pub(super) fn stream(lease: Lease, claim: Claim) -> Self {
        lease.carries_stream(claim.epoch);
        Self { lease, claim: claim.into_stream(), is_stream: true }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let polled = ready!(self.lease.poll_body(cx));
        let is_cut = || self.lease.cut().is_some_and(|cut| cut.is_done());
        match polled {
            Some(Err(BrokenOff)) if self.is_stream && is_cut() => return Poll::Ready(None),
            // A client begins a stream again wherever it ends.
            Some(Err(BrokenOff)) if !self.is_stream && !is_cut() => metrics::broke_off(self.claim.colour),
            _ => {}
        }
        Poll::Ready(polled)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // A cut that is for a stream is not for what comes after it.
        if !self.is_stream {
            self.lease.give_back();
        }
    }
}

/// An answer's body; when it is dropped the client's connection is idle, and the answer is told of.
#[derive(Debug)]
pub(super) struct AnswerBody {
    source: Source,
    client: Arc<Activity>,
    told: Option<Told>,
}

/// What is told of an answer that has gone, and where.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) log: Arc<AccessLog>,
    pub(super) worker: usize,
    pub(super) record: Record,
}

impl AnswerBody {
    /// Of an answer on this client's connection.
    pub(super) fn new(source: Source, client: Arc<Activity>, told: Option<Told>) -> Self {
        Self { source, client, told }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if matches!(&self.source, Source::App(passing) if passing.lease.leaves_unread()) {
            self.client.leaves_unread();
        }
        self.client.is_idle();
        if let Some(told) = &self.told {
            told.log.add(told.worker, &told.record);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let body = self.get_mut();
        let polled = match &mut body.source {
            Source::Words(words) => Poll::Ready(words.take().map(|words| Ok(Frame::data(words)))),
            Source::App(passing) => passing.poll(cx),
        };
        body.client.has_passed(polled.is_ready());
        let frame = ready!(polled);
        if let (Some(told), Some(Ok(data))) = (&mut body.told, frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref))) {
            told.record.bytes += data.map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
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
