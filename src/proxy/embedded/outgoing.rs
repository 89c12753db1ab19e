//! A request on its way to the app: what is to be written, what the client has yet to send, and how that is getting on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::http::request;
use tokio::io::AsyncWrite;

use super::chunked::Chunked;
use super::head::{Framing, write_headers, write_request};
use super::headers::prepare_trailers;
use super::peer::Peer;
use crate::clock;
use crate::proxy::Size;

/// A piece of a body up to this is copied behind the head, so that one write takes both.
const COPIED: usize = 8 * 1024;

/// A request, while any of it is still to be written.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The head, a chunk's size, a small piece of the body.
    small: BytesMut,
    /// A large piece of the body, and what closes it.
    large: Bytes,
    tail: &'static [u8],
    /// What the client sends; none where all of it is in the above.
    upload: Option<Incoming>,
    is_chunked: bool,
    /// Some of it has left us.
    pub(super) has_written: bool,
    /// When it last moved, as elapsed time.
    moved: Duration,
    awaits_client: bool,
    /// So much more may come.
    allowed: u64,
}

/// What a client asks for: the head of its request without its id, and that id.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: request::Parts,
    pub(super) id: HeaderValue,
}

/// Why a request cannot go on.
#[derive(Debug)]
pub(super) enum Stuck {
    /// The app's connection takes no more.
    App,
    /// The client's body broke off or is malformed.
    Client(hyper::Error),
    /// The client's body is larger than allowed.
    TooLarge,
}

impl Outgoing {
    /// This request with this body, of which so much is allowed.
    pub(super) fn new(asked: &Asked, peer: &Peer, upload: Option<Incoming>, now: Duration, allowed: Size) -> Self {
        let Asked { head, id } = asked;
        let framing = upload.as_ref().map(|body| match body.size_hint().exact() {
            Some(length) => Framing::Length(length),
            None => Framing::Chunked(Chunked::default()),
        });
        let mut small = BytesMut::new();
        write_request(&mut small, head, peer.introduces(id, &head.headers), framing);
        let is_chunked = matches!(framing, Some(Framing::Chunked(_)));
        debug_assert!(!is_chunked || !head.headers.contains_key(CONTENT_LENGTH));
        Self {
            small,
            large: Bytes::new(),
            tail: b"",
            upload,
            is_chunked,
            has_written: false,
            moved: now,
            awaits_client: false,
            allowed: allowed.0,
        }
    }

    /// Whether all of it has been written.
    pub(super) fn is_over(&self) -> bool {
        self.upload.is_none() && self.is_empty()
    }

    /// Whether the client's body was not read to its end.
    pub(super) fn has_upload(&self) -> bool {
        self.upload.is_some()
    }

    /// Whether the client is who keeps us waiting.
    pub(super) fn awaits_client(&self) -> bool {
        self.awaits_client && self.upload.is_some()
    }

    /// How long it has stood still.
    pub(super) fn still(&self) -> Duration {
        clock::elapsed().saturating_sub(self.moved)
    }

    /// Takes what the client sends and writes it, as far as that goes.
    pub(super) fn poll(&mut self, stream: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<Result<(), Stuck>> {
        loop {
            // The first piece goes out with the head, where it is there.
            let taken = self.poll_take(cx)?;
            ready!(self.poll_flush(stream, cx)).map_err(|_| Stuck::App)?;
            if ready!(taken) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes pieces while there is room. Ready where there is no room (false) or nothing more to come (true).
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Stuck>> {
        while let Some(upload) = &mut self.upload {
            if !(self.large.is_empty() && self.tail.is_empty() && self.small.len() < COPIED) {
                return Poll::Ready(Ok(false));
            }
            let polled = Pin::new(upload).poll_frame(cx);
            self.awaits_client = polled.is_pending();
            let frame = ready!(polled);
            self.moved = clock::elapsed();
            match frame {
                Some(Ok(frame)) => self.add(frame)?,
                Some(Err(error)) => return Poll::Ready(Err(Stuck::Client(error))),
                None => self.end(b"0\r\n\r\n"),
            }
        }
        Poll::Ready(Ok(true))
    }

    fn add(&mut self, frame: Frame<Bytes>) -> Result<(), Stuck> {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.allowed = self.allowed.checked_sub(length).ok_or(Stuck::TooLarge)?;
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) if self.is_chunked => {
                self.small.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                self.add_piece(data, b"\r\n");
            }
            Ok(data) => self.add_piece(data, b""),
            Err(frame) => {
                if let (Ok(mut trailers), true) = (frame.into_trailers(), self.is_chunked) {
                    prepare_trailers(&mut trailers);
                    self.small.extend_from_slice(b"0\r\n");
                    write_headers(&mut self.small, &trailers);
                    self.end(b"\r\n");
                }
            }
        }
        Ok(())
    }

    fn add_piece(&mut self, piece: Bytes, tail: &'static [u8]) {
        if piece.len() <= COPIED {
            self.small.extend_from_slice(&piece);
            self.small.extend_from_slice(tail);
        } else {
            self.large = piece;
            self.tail = tail;
        }
    }

    fn end(&mut self, mark: &[u8]) {
        self.upload = None;
        if self.is_chunked {
            self.small.extend_from_slice(mark);
        }
    }

    fn poll_flush(&mut self, stream: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = if self.large.is_empty() && self.tail.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, &self.small))?
            } else {
                let pieces = [IoSlice::new(&self.small), IoSlice::new(&self.large), IoSlice::new(self.tail)];
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &pieces))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.has_written = true;
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty() && self.tail.is_empty()
    }

    fn advance(&mut self, written: usize) {
        let of_small = written.min(self.small.len());
        self.small.advance(of_small);
        let of_large = (written - of_small).min(self.large.len());
        self.large.advance(of_large);
        self.tail = self.tail.get(written - of_small - of_large..).unwrap_or_default();
    }
}
