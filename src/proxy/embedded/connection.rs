//! A connection to an app: its bytes, and the cut that may end it. It has no task: whoever waits for an answer drives it.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::pool::Poolable;
use super::running::{Cut, Listing};

/// What is read at once where nothing is known of what comes, and where much of it is.
const SMALL: usize = 32 * 1024;
const LARGE: usize = 64 * 1024;

thread_local! {
    /// What this thread reads into, whatever the connection: when an answer has gone on its way, the processor still has the buffer at hand for
    /// the next one. Who keeps what was read keeps this buffer, and the thread takes another.
    static READ: RefCell<BytesMut> = RefCell::default();
}

/// A connection to an app.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// What was read and not yet understood.
    pub(super) input: BytesMut,
    timer: Pin<Box<Sleep>>,
    listing: Listing,
}

impl Connection {
    /// Over this stream, until a cut of what it is listed for. `patience` is how long an answer usually may take.
    pub(super) fn new(stream: TcpStream, listing: Listing, patience: Duration) -> Self {
        Self { stream, input: BytesMut::new(), timer: Box::pin(sleep(patience)), listing }
    }

    /// Reads more. `expected` is how much of a body is known to come. Says how much was read: nothing is the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, expected: u64) -> Poll<io::Result<usize>> {
        let most = usize::try_from(expected).unwrap_or(LARGE).clamp(SMALL, LARGE);
        if !self.input.is_empty() {
            self.input.reserve(most);
            return pin!(self.stream.read_buf(&mut self.input)).poll(cx);
        }
        READ.with_borrow_mut(|buffer| {
            buffer.reserve(LARGE);
            let length = ready!(pin!(self.stream.read_buf(&mut (&mut *buffer).limit(most))).poll(cx))?;
            self.input = buffer.split();
            Poll::Ready(Ok(length))
        })
    }

    /// Lets go of the buffer where all that was read has been taken: it may be read into again.
    pub(super) fn release(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
    }

    /// Polls the timer that wakes whoever drives the connection.
    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }

    /// From now on the timer is due after `left`.
    pub(super) fn wake_after(&mut self, left: Duration) {
        self.timer.set(sleep(left));
    }

    /// Whether it was cut; if not, whoever asks is woken by the cut.
    pub(super) fn is_cut(&self, waker: &Waker) -> bool {
        self.listing.cut().is_done_or_wakes(waker)
    }

    /// The cut that may end it.
    pub(super) fn cut(&self) -> &Arc<Cut> {
        self.listing.cut()
    }

    /// It carries an event stream that was claimed under this epoch, to its end.
    pub(super) fn carries_stream(&self, epoch: u64) {
        self.listing.carries_stream(epoch);
    }

    /// The stream and what was read of it: the protocol has changed.
    pub(super) fn into_parts(self) -> (TcpStream, Bytes) {
        (self.stream, self.input.freeze())
    }

    /// Whether the app has said anything on it, or closed it, while nobody asked. Costs no system call while it has not.
    fn has_stirred(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match self.stream.poll_read_ready(&mut cx) {
            Poll::Pending => false,
            Poll::Ready(Err(_)) => true,
            Poll::Ready(Ok(())) => !matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock),
        }
    }
}

impl Poolable for Connection {
    fn is_closed(&self) -> bool {
        self.listing.cut().is_done() || !self.input.is_empty() || self.has_stirred()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::super::claim::{Claims, Door, Live, Sender};
    use super::super::running::Running;
    use super::*;
    use crate::domain::colour::Colour;

    #[tokio::test]
    async fn what_has_gone_on_leaves_its_buffer_to_the_next_connection_and_what_is_kept_keeps_it() {
        let claims = Arc::new(Claims::new(Live { colour: Some(Colour::Blue), epoch: 0 }, Colour::Green, 1));
        let claim = claims.claim(0, Door::Live, Sender::Visitor).unwrap();
        let running = Arc::new(Running::new(claims));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut both = Vec::new();
        for _ in 0..2 {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let connection = Connection::new(stream, running.list(claim.ticket()).unwrap(), Duration::from_secs(60));
            both.push((connection, listener.accept().await.unwrap().0));
        }
        let heard = async |(connection, app): &mut (Connection, TcpStream), words: &'static [u8]| {
            app.write_all(words).await.unwrap();
            while connection.input.len() < words.len() {
                assert_ne!(poll_fn(|cx| connection.poll_read(cx, 0)).await.unwrap(), 0);
            }
            let heard = connection.input.split_to(words.len()).freeze();
            connection.release();
            heard
        };
        let first = heard(&mut both[0], b"first").await;
        let place = first.as_ptr();
        drop(first);
        let second = heard(&mut both[1], b"second").await;
        assert_eq!(second.as_ptr(), place);
        let third = heard(&mut both[0], b"third").await;
        assert_ne!(third.as_ptr(), place);
        assert_eq!((second, third), (Bytes::from_static(b"second"), Bytes::from_static(b"third")));
    }
}
