//! After 101: bytes both ways, until one side ends, nothing moves, or we are told to end.

use std::future::pending;
use std::io::{self, Cursor};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;

use super::claim::Claim;
use super::client::Activity;
use super::websocket::{Frames, going_away};
use crate::proxy::ProxyTimeouts;

/// How long both sides have to answer a Close frame.
pub(super) const GOODBYE: Duration = Duration::from_secs(5);

/// What is read at once: little, for most streams seldom say much, and more where they do.
const SMALL: usize = 2 * 1024;
const LARGE: usize = 32 * 1024;

/// The two ends of a stream that both have agreed to.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// Towards the client.
    pub(super) client: OnUpgrade,
    /// Towards the app, and what it has said already.
    pub(super) app: (TcpStream, Bytes),
    /// Of another protocol nothing is known: it is ended without a word.
    pub(super) is_websocket: bool,
    /// What the client's connection does.
    pub(super) activity: Arc<Activity>,
    /// What the stream holds.
    pub(super) claim: Claim,
}

impl Tunnel {
    /// Copies until both sides have ended, one breaks, nothing has moved for the idle limit, or `told` says true.
    pub(super) async fn run(self, limits: ProxyTimeouts, told: watch::Receiver<bool>) {
        let Ok(client) = self.client.await else { return };
        self.activity.answers();
        let (client_read, client_write) = split(TokioIo::new(client));
        let (stream, said) = self.app;
        let (app_read, app_write) = stream.into_split();
        let app_read = Cursor::new(said).chain(app_read);
        let down = Direction { goodbye: self.is_websocket.then(|| going_away(false)), told: told.clone() };
        let up = Direction { goodbye: self.is_websocket.then(|| going_away(true)), told: told.clone() };
        let grace = if self.is_websocket { GOODBYE } else { Duration::ZERO };
        tokio::select! {
            _ = async { tokio::try_join!(down.copy(app_read, client_write), up.copy(client_read, app_write)) } => {}
            () = self.activity.stands_still(&limits) => {}
            () = async { is_told(told).await; sleep(grace).await } => {}
        }
        drop(self.claim);
    }
}

/// Resolves when it is told; never, where nobody can tell it any more.
async fn is_told(mut told: watch::Receiver<bool>) {
    if told.wait_for(|told| *told).await.is_err() {
        pending::<()>().await;
    }
}

/// One direction of a stream.
struct Direction {
    /// The Close frame that ends it.
    goodbye: Option<Vec<u8>>,
    told: watch::Receiver<bool>,
}

impl Direction {
    async fn copy(self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut frames = Frames::default();
        let mut buffer = vec![0; SMALL];
        let mut told = std::pin::pin!(is_told(self.told.clone()));
        loop {
            let length = tokio::select! {
                biased;
                () = told.as_mut(), if frames.is_between() => break,
                read = from.read(&mut buffer) => read?,
            };
            let piece = buffer.get(..length).unwrap_or_default();
            if piece.is_empty() {
                return to.shutdown().await;
            }
            let boundary = if self.goodbye.is_some() { frames.pass(piece) } else { None };
            match boundary.and_then(|boundary| piece.get(..boundary)) {
                Some(whole) if *self.told.borrow() => {
                    to.write_all(whole).await?;
                    break;
                }
                Some(_) | None => to.write_all(piece).await?,
            }
            to.flush().await?;
            if length == buffer.len() && length < LARGE {
                buffer.resize(2 * length, 0);
            }
        }
        if let Some(goodbye) = self.goodbye.filter(|_| !frames.has_closed()) {
            say(&goodbye, to).await;
        }
        until_closed(from, frames, buffer).await;
        Ok(())
    }
}

/// Says goodbye to a side. Where it has gone, the other still has its time.
async fn say(goodbye: &[u8], mut to: impl AsyncWrite + Unpin) {
    if to.write_all(goodbye).await.is_ok() {
        to.flush().await.ok();
    }
}

/// Reads on until the side has said goodbye too, or has gone; what it says before has nowhere to go.
async fn until_closed(mut from: impl AsyncRead + Unpin, mut frames: Frames, mut buffer: Vec<u8>) {
    while !frames.has_closed() {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => frames.pass(buffer.get(..length).unwrap_or_default()),
        };
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn told_direction() -> Direction {
        let (_, told) = watch::channel(true);
        Direction { goodbye: Some(going_away(false)), told }
    }

    #[tokio::test]
    async fn a_side_that_ends_between_two_frames_as_the_window_does_costs_the_other_no_goodbye() {
        for _ in 0..32 {
            let (to, mut other) = tokio::io::duplex(64);
            told_direction().copy(tokio::io::empty(), to).await.unwrap();
            let mut said = Vec::new();
            other.read_to_end(&mut said).await.unwrap();
            assert_eq!(said, going_away(false));
        }
    }

    #[tokio::test]
    async fn a_side_that_breaks_after_the_goodbye_leaves_the_other_its_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broken = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (from, _) = listener.accept().await.unwrap();
        broken.set_zero_linger().unwrap();
        drop(broken);
        let (to, other) = tokio::io::duplex(64);
        drop(other);
        assert!(told_direction().copy(from, to).await.is_ok(), "neither the write nor the read that failed ends the other direction");
    }
}
