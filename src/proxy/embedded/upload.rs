//! The body of a request on its way to the app, and how it is getting on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use crate::clock;

/// A request's body. One that is empty costs nothing.
#[derive(Debug)]
pub(super) enum Upload {
    /// No body.
    Empty,
    /// What the client sends.
    Client(Incoming, Arc<Progress>),
}

/// How far an upload has come.
#[derive(Debug)]
pub(super) struct Progress {
    /// When the app took the last piece, in milliseconds of elapsed time.
    last: AtomicU64,
    /// The app would take more, and the client has not sent it yet.
    awaits_client: AtomicBool,
}

impl Progress {
    fn new() -> Self {
        Self { last: AtomicU64::new(now()), awaits_client: AtomicBool::new(false) }
    }

    /// How long it has stood still.
    pub(super) fn still(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.last.load(Ordering::Relaxed)))
    }

    /// Whether the client is who keeps us waiting.
    pub(super) fn awaits_client(&self) -> bool {
        self.awaits_client.load(Ordering::Relaxed)
    }
}

fn now() -> u64 {
    u64::try_from(clock::elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Upload {
    /// Of a request's body.
    pub(super) fn new(body: Incoming) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Client(body, Arc::new(Progress::new())) }
    }

    /// How far it has come, where there is one.
    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Empty => None,
            Self::Client(_, progress) => Some(Arc::clone(progress)),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self::Client(body, progress) = self.get_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        progress.awaits_client.store(polled.is_pending(), Ordering::Relaxed);
        let frame = ready!(polled);
        progress.last.store(now(), Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client(body, _) => body.size_hint(),
        }
    }
}
