//! HTTP/2: the requests that share a connection, each on a task of its own, and the end of those on which nothing moves.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use hyper::rt::Executor;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::client::Activity;
use crate::clock;
use crate::proxy::ProxyTimeouts;

/// The requests on one connection. hyper runs them by it.
#[derive(Debug, Clone)]
pub(super) struct Streams(Arc<Mutex<Open>>);

#[derive(Debug)]
struct Open {
    /// Begun, and not on its task yet.
    begun: Option<Arc<Activity>>,
    streams: Vec<Stream>,
    /// When one last began or ended, as elapsed time.
    since: Duration,
}

#[derive(Debug)]
struct Stream {
    activity: Arc<Activity>,
    task: AbortHandle,
}

/// A stream's place among the open ones, until its task has ended.
struct Listed {
    streams: Streams,
    activity: Arc<Activity>,
}

impl Streams {
    /// Of a connection on which nothing was asked yet.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Open { begun: None, streams: Vec::new(), since: clock::elapsed() })))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more request: what it does. hyper runs it next.
    pub(super) fn begin(&self) -> Arc<Activity> {
        let activity = Arc::new(Activity::new(None));
        let mut open = self.lock();
        open.begun = Some(Arc::clone(&activity));
        open.since = clock::elapsed();
        activity
    }

    /// From now on the connection rests anew.
    pub(super) fn rest(&self) {
        self.lock().since = clock::elapsed();
    }

    /// Ends each stream that stands still for too long. Resolves when there has been none for the time of `rest`. One timer for all of them
    /// looks what each has done.
    pub(super) async fn watch(&self, limits: &ProxyTimeouts, rest: Duration) {
        while let Some(next) = self.look(limits, rest) {
            sleep(next).await;
        }
    }

    /// Says when to look again; none where there has been no stream for the time of `rest`.
    fn look(&self, limits: &ProxyTimeouts, rest: Duration) -> Option<Duration> {
        let (now, mut next) = (clock::elapsed(), limits.client.min(limits.idle));
        let mut open = self.lock();
        let before = open.streams.len();
        open.streams.retain(|stream| match stream.activity.left(limits) {
            // Whoever drops a stream that has not ended resets it: its task and what it holds are gone.
            Some(Duration::ZERO) => {
                stream.task.abort();
                false
            }
            left => {
                next = next.min(left.unwrap_or(next));
                true
            }
        });
        if open.streams.len() < before {
            open.since = now;
        }
        if !open.streams.is_empty() {
            return Some(next);
        }
        let left = rest.saturating_sub(now.saturating_sub(open.since));
        (!left.is_zero()).then(|| next.min(left))
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    /// Runs a stream until it ends, is ended or is cut. One that waits for its client's window asks for nothing: the cut is seen here.
    fn execute(&self, stream: F) {
        let begun = self.lock().begun.take();
        let Some(activity) = begun else {
            tokio::spawn(stream);
            return;
        };
        let listed = Listed { streams: self.clone(), activity: Arc::clone(&activity) };
        let cut = poll_fn(move |cx| listed.poll_cut(cx));
        // Put together of parts: an async block would take twice the stream's memory.
        let task = tokio::spawn(stream.into_stream().take_until(cut).collect::<()>()).abort_handle();
        self.lock().streams.push(Stream { activity, task });
    }
}

impl Listed {
    fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.activity.is_cut(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.since = clock::elapsed();
        if let Some(place) = open.streams.iter().position(|stream| Arc::ptr_eq(&stream.activity, &self.activity)) {
            open.streams.swap_remove(place);
        }
    }
}
