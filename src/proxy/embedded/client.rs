//! A client's connection: what passes over it, and when it has stood still for too long.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use super::running::Cut;
use crate::clock;
use crate::proxy::ProxyTimeouts;

/// What is expected next on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// The rest of a request's header; counted from its first byte.
    Header = 0,
    /// The app's answer, which has limits of its own.
    App = 1,
    /// The rest of the answer, taken by the client.
    Answer = 2,
    /// Another request, whenever the client likes.
    Idle = 3,
}

/// What happens on a connection, kept up by whoever makes it happen. One timer a connection reads it; nothing is set a request.
#[derive(Debug)]
pub(super) struct Activity {
    stage: AtomicU8,
    /// When the stage's clock began, in milliseconds of elapsed time.
    since: AtomicU64,
    /// What ends an answer that is under way, where it is long.
    cut: Mutex<Option<Arc<Cut>>>,
    is_long: AtomicBool,
    /// The client takes nothing more for now.
    is_blocked: AtomicBool,
}

impl Activity {
    /// Of a connection that was accepted just now.
    pub(super) fn new() -> Self {
        Self {
            stage: AtomicU8::new(Stage::Header as u8),
            since: AtomicU64::new(now()),
            cut: Mutex::default(),
            is_long: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
        }
    }

    /// A request's header is complete.
    pub(super) fn awaits_app(&self) {
        self.stage.store(Stage::App as u8, Ordering::Relaxed);
    }

    /// The header of an answer is there.
    pub(super) fn answers(&self) {
        self.since.store(now(), Ordering::Relaxed);
        self.stage.store(Stage::Answer as u8, Ordering::Relaxed);
    }

    /// The answer has gone.
    pub(super) fn is_idle(&self) {
        if self.is_long.load(Ordering::Relaxed) {
            self.is_long.store(false, Ordering::Relaxed);
            *self.cut() = None;
        }
        self.stage.store(Stage::Idle as u8, Ordering::Relaxed);
    }

    /// The answer that is under way is long, and ends by this.
    pub(super) fn ends_by(&self, cut: &Arc<Cut>) {
        *self.cut() = Some(Arc::clone(cut));
        self.is_long.store(true, Ordering::Relaxed);
    }

    fn cut(&self) -> MutexGuard<'_, Option<Arc<Cut>>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a long answer was cut; if not, `waker` is woken when it is. A client that takes nothing would never ask for more of it.
    fn is_cut(&self, waker: &Waker) -> bool {
        self.is_long.load(Ordering::Relaxed) && self.cut().as_ref().is_some_and(|cut| cut.is_done_or_wakes(waker))
    }

    fn has_read(&self) {
        let stage = self.stage.load(Ordering::Relaxed);
        if stage == Stage::Header as u8 {
            return;
        }
        self.since.store(now(), Ordering::Relaxed);
        if stage == Stage::Idle as u8 {
            self.stage.store(Stage::Header as u8, Ordering::Relaxed);
        }
    }

    fn has_written(&self, is_taken: bool) {
        if is_taken {
            self.since.store(now(), Ordering::Relaxed);
        }
        if self.is_blocked.load(Ordering::Relaxed) == is_taken {
            self.is_blocked.store(!is_taken, Ordering::Relaxed);
        }
    }

    /// How long until the connection has stood still for too long; none while it waits for the app.
    fn left(&self, limits: &ProxyTimeouts) -> Option<Duration> {
        let stage = self.stage.load(Ordering::Relaxed);
        if stage == Stage::App as u8 {
            return None;
        }
        let limit = match stage {
            _ if self.is_blocked.load(Ordering::Relaxed) => limits.client,
            stage if stage == Stage::Header as u8 => limits.header_read,
            _ => limits.idle,
        };
        let still = Duration::from_millis(now().saturating_sub(self.since.load(Ordering::Relaxed)));
        Some(limit.saturating_sub(still))
    }

    /// Resolves when the connection has stood still for too long. Cheap to poll.
    pub(super) async fn stands_still(&self, limits: &ProxyTimeouts) {
        let shortest = limits.header_read.min(limits.idle).min(limits.client);
        let mut timer = std::pin::pin!(sleep(shortest));
        std::future::poll_fn(|cx| {
            if self.is_cut(cx.waker()) {
                return Poll::Ready(());
            }
            // Polled whenever the connection is, and it looks again at the latest after the shortest limit.
            while timer.as_mut().poll(cx).is_ready() {
                match self.left(limits) {
                    Some(Duration::ZERO) => return Poll::Ready(()),
                    left => timer.set(sleep(left.unwrap_or(shortest).min(shortest))),
                }
            }
            Poll::Pending
        })
        .await;
    }
}

fn now() -> u64 {
    u64::try_from(clock::elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A client's stream that notes what passes over it.
#[derive(Debug)]
pub(super) struct Noted<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Noted<S> {
    /// Notes in `activity`.
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.has_read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.has_written(written.is_ready());
        written
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.activity.has_written(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
