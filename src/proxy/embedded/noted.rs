//! A client's stream: notes what passes over it, and keeps back what hyper would say by itself.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::client::Activity;
use super::turn::Turn;
use super::wire::Wire;

/// Pieces up to this are sent as one.
const JOINED: usize = 1024;

/// A client's stream.
#[derive(Debug)]
pub(super) struct Noted<S> {
    stream: S,
    /// What the client has said already, and nobody has taken.
    first: Bytes,
    activity: Arc<Activity>,
    turn: Turn,
    /// Whether the stream has a goodbye of its own, as TLS has. Without one its close says it all, and costs one system call less.
    says_goodbye: bool,
    /// As what hyper has refused a request that it did not understand. It has a status and no words, and nothing of it is sent.
    refusal: Option<StatusCode>,
}

impl<S> Noted<S> {
    /// Notes in `activity`.
    pub(super) fn new(stream: S, activity: Arc<Activity>, says_goodbye: bool) -> Self {
        Self { stream, first: Bytes::new(), activity, turn: Turn::default(), says_goodbye, refusal: None }
    }

    /// As what the last request was refused, where it was not understood; the client has yet to hear of it.
    pub(super) fn refusal(&self) -> Option<StatusCode> {
        self.refusal
    }

    /// The stream itself.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// Whether these bytes are hyper's own: what it says while nobody waits for an answer of ours.
    fn keeps_back(&mut self, bytes: &[u8]) -> bool {
        if self.refusal.is_none() && !self.activity.owes() {
            self.refusal = bytes.get(9..12).and_then(|digits| StatusCode::from_bytes(digits).ok());
        }
        self.refusal.is_some()
    }
}

impl<S: Wire> Noted<S> {
    /// Sends a piece, as the last one where nothing but the end comes after it.
    fn send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let is_last = self.activity.ends();
        let stream = Pin::new(&mut self.stream);
        let written = if is_last { stream.poll_write_last(cx, bytes) } else { stream.poll_write(cx, bytes) };
        self.has_written(&written);
        written
    }

    fn has_written(&mut self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(length)) => self.turn.moves(*length),
            Poll::Ready(Err(_)) | Poll::Pending => self.turn.ends(),
        }
        self.activity.has_written(written.is_ready());
    }
}

impl<S: AsyncRead + Unpin> Noted<S> {
    /// With this to be read before anything else.
    pub(super) fn with_first(self, first: Bytes) -> Self {
        // What is empty may be a view of a buffer.
        let first = if first.is_empty() { Bytes::new() } else { first };
        Self { first, ..self }
    }

    /// Resolves when the client says something; false where it has gone instead.
    pub(super) async fn wakes(&mut self) -> bool {
        if self.first.is_empty() {
            let mut piece = [0; 64];
            let length = self.read(&mut piece).await.unwrap_or(0);
            self.first = Bytes::copy_from_slice(piece.get(..length).unwrap_or_default());
        }
        !self.first.is_empty()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first.split_to(length));
            self.activity.has_read();
            return Poll::Ready(Ok(()));
        }
        ready!(self.turn.poll_lasts(cx));
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let length = buffer.filled().len() - before;
        if length > 0 {
            self.turn.moves(length);
            self.activity.has_read();
        } else {
            self.turn.ends();
        }
        read
    }
}

impl<S: Wire> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.keeps_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.turn.poll_lasts(cx));
        self.send(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let first: &[u8] = pieces.first().map_or(&[], |first| first);
        if self.keeps_back(first) {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        ready!(self.turn.poll_lasts(cx));
        let written = match joined(pieces, &mut [0; JOINED]) {
            Some(piece) => return self.send(cx, piece),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, pieces),
        };
        self.has_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        // TLS takes what it is given, and may keep it.
        self.activity.has_flushed(flushed.is_ready());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A tunnel ends one direction, an answer that broke off ends both: either owes something. What was sent as the last waits for the end,
        // and a close is none: where the client has said more it throws away what waits. One that may be sending is heard out behind the end.
        let is_closed_next = !(self.activity.owes() || self.says_goodbye || self.activity.ends() || self.activity.has_unread());
        if is_closed_next || self.refusal.is_some() { Poll::Ready(Ok(())) } else { Pin::new(&mut self.stream).poll_shutdown(cx) }
    }
}

/// Pieces that are small together as one piece: it costs the kernel less.
fn joined<'a>(pieces: &[IoSlice<'_>], room: &'a mut [u8; JOINED]) -> Option<&'a [u8]> {
    let mut length = 0;
    for piece in pieces {
        room.get_mut(length..length + piece.len())?.copy_from_slice(piece);
        length += piece.len();
    }
    room.get(..length)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Read, Write};
    use std::net;

    use futures_util::FutureExt;
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::net::TcpListener;

    use super::*;

    impl Wire for DuplexStream {}

    const MUCH: usize = 1024 * 1024;
    const PIECE: usize = 16 * 1024;
    const REFUSED: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n";

    fn pair(says_goodbye: bool) -> (Noted<DuplexStream>, Arc<Activity>, DuplexStream) {
        let (near, far) = duplex(MUCH);
        let activity = Arc::new(Activity::new(None));
        (Noted::new(near, Arc::clone(&activity), says_goodbye), activity, far)
    }

    /// What the client has read by now; none while it waits, nothing at the end.
    fn heard(far: &mut DuplexStream) -> Option<Vec<u8>> {
        let mut piece = [0; 128];
        far.read(&mut piece).now_or_never().map(|read| piece[..read.unwrap()].to_vec())
    }

    async fn answer(noted: &mut Noted<DuplexStream>, activity: &Activity, far: &mut DuplexStream) {
        activity.awaits_app();
        noted.write_all(REFUSED).await.unwrap();
        assert_eq!((heard(far).as_deref(), noted.refusal()), (Some(REFUSED), None), "somebody has asked for it");
        activity.is_idle();
        noted.flush().await.unwrap();
    }

    #[tokio::test]
    async fn what_nobody_has_asked_for_is_kept_back_and_an_answer_never() {
        let (mut noted, activity, mut far) = pair(false);
        answer(&mut noted, &activity, &mut far).await;
        noted.write_all(REFUSED).await.unwrap();
        noted.shutdown().await.unwrap();
        assert_eq!(noted.refusal(), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        assert_eq!(heard(&mut far), None, "nor is anything closed");
    }

    #[tokio::test]
    async fn a_stream_is_shut_down_before_it_is_closed_where_it_has_a_goodbye_owes_something_or_leaves_a_body_unread() {
        for (says_goodbye, owes, is_unread) in [(false, false, false), (true, false, false), (false, true, false), (false, false, true)] {
            let (mut noted, activity, mut far) = pair(says_goodbye);
            answer(&mut noted, &activity, &mut far).await;
            if owes {
                activity.answers();
            }
            if is_unread {
                activity.leaves_unread();
            }
            noted.shutdown().await.unwrap();
            assert_eq!(heard(&mut far).is_some(), says_goodbye || owes || is_unread);
        }
    }

    #[tokio::test]
    async fn a_last_answer_is_heard_also_by_a_client_that_has_said_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().await.unwrap().0;
        client.write_all(b"more").unwrap();
        stream.readable().await.unwrap();
        let activity = Arc::new(Activity::new(None));
        let mut noted = Noted::new(stream, Arc::clone(&activity), false);
        activity.awaits_app();
        activity.closes();
        activity.is_idle();
        noted.write_all(REFUSED).await.unwrap();
        noted.flush().await.unwrap();
        noted.shutdown().await.unwrap();
        drop(noted);
        let mut heard = [0; REFUSED.len()];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(heard, REFUSED);
    }

    /// A stream that is read, or written to, as far as that goes at once; how far it had come when the other was heard of, who had said something
    /// before, and whom the runtime had not yet looked for.
    async fn moved_before_another(is_read: bool) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let other = listener.accept().await.unwrap().0;
        assert_eq!(other.try_read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let (mut noted, activity, mut far) = pair(false);
        activity.awaits_app();
        if is_read {
            far.write_all(&vec![b'x'; MUCH]).await.unwrap();
        }
        client.write_all(b"x").unwrap();
        let moved = Cell::new(0);
        let all = async {
            let mut piece = [b'x'; PIECE];
            while moved.get() < MUCH {
                let length = if is_read { noted.read(&mut piece).await } else { noted.write(&piece).await };
                moved.set(moved.get() + length.unwrap());
            }
        };
        let heard = async {
            other.readable().await.unwrap();
            moved.get()
        };
        tokio::join!(all, heard).1
    }

    #[tokio::test]
    async fn whoever_moves_much_lets_others_go_before_it_has_moved_all() {
        for is_read in [true, false] {
            let moved = moved_before_another(is_read).await;
            assert!((PIECE..=MUCH / 4).contains(&moved), "{moved} bytes");
        }
    }
}
