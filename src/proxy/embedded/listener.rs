//! Accepts clients, and serves each on a task of its own.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::claim::Door;
use super::client::Place;
use super::http1::serve_http1;
use super::http2::serve_http2;
use super::metrics;
use super::peer::Peer;
use super::shared::{Ending, Shared, reaches};

/// A client that was accepted.
pub(super) type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// Accepts until the end begins, and hands over what was accepted.
pub(super) async fn accept(
    listener: TcpListener,
    door: Door,
    room: Arc<Semaphore>,
    mut ending: watch::Receiver<Ending>,
    mut take: impl FnMut(Accepted),
) {
    let mut is_failing = false;
    let mut ends = pin!(reaches(&mut ending, Ending::Closing));
    loop {
        let accepted = tokio::select! {
            biased;
            () = ends.as_mut() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                is_failing = false;
                // One too many is closed at once: whoever waited in the kernel would not know why.
                let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                    metrics::failed(door, "too_many_connections");
                    continue;
                };
                take((stream, peer, permit));
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::error!(%error, listener = ?door, "clients cannot be accepted");
                }
                // Out of descriptors: the next try would fail at once.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Serves one client: over TLS or in the clear, by HTTP/2 where both sides agree on it, else by HTTP/1.1.
pub(super) async fn serve((stream, peer, permit): Accepted, door: Door, shared: Shared) {
    let place = Place::new(permit, door);
    let tls = shared.tls(door).cloned();
    let trusted = &shared.forwarder.trusted;
    let peer = Arc::new(Peer::new(peer.ip(), tls.is_some(), trusted));
    match tls {
        None => serve_http1(stream, peer, door, shared, place).await,
        // What TLS takes is not to be carried about by every connection.
        Some(tls) => Box::pin(serve_tls(stream, tls, peer, door, shared, place)).await,
    }
}

async fn serve_tls(stream: TcpStream, tls: Arc<ServerConfig>, peer: Arc<Peer>, door: Door, shared: Shared, place: Place) {
    let mut ending = shared.ending.clone();
    let accepted = tokio::select! {
        biased;
        accepted = timeout(shared.forwarder.timeouts.header_read, TlsAcceptor::from(tls).accept(stream)) => accepted,
        // Who has not agreed on TLS by then has asked for nothing, and holds nothing up.
        () = reaches(&mut ending, Ending::Closed) => return,
    };
    let Ok(Ok(stream)) = accepted else { return };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        serve_http2(stream, peer, door, shared, place).await;
    } else {
        serve_http1(stream, peer, door, shared, place).await;
    }
}
