//! Accepts clients, and serves each on a task of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::claim::Door;
use super::client::{Activity, Place};
use super::forward::Origin;
use super::http1::serve_http1;
use super::metrics;
use super::noted::Noted;
use super::peer::Peer;
use super::shared::{Ending, Shared, reaches};
use super::wire::Wire;

/// HTTP/2: whether a client is still there is asked this often.
const PING: Duration = Duration::from_secs(20);

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
    let Ok(Ok(stream)) = timeout(shared.forwarder.timeouts.header_read, TlsAcceptor::from(tls).accept(stream)).await else { return };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        serve_http2(stream, peer, door, shared, place).await;
    } else {
        serve_http1(stream, peer, door, shared, place).await;
    }
}

/// Requests share the connection: each has an activity of its own, that nobody watches, and the connection has one for all of them.
async fn serve_http2<S>(stream: S, peer: Arc<Peer>, door: Door, shared: Shared, place: Place)
where
    S: Wire,
{
    let Shared { worker, forwarder, mut ending, open, .. } = shared;
    let activity = Arc::new(Activity::new(Some(place)));
    activity.answers();
    let (timeouts, limits) = (forwarder.timeouts, forwarder.limits);
    let service = service_fn(|request| {
        let forwarder = Arc::clone(&forwarder);
        let origin = Origin { worker, door, peer: Arc::clone(&peer), activity: Arc::new(Activity::new(None)) };
        async move { Ok::<_, Infallible>(forwarder.answer(request, &origin).await) }
    });
    let stream = TokioIo::new(Noted::new(stream, Arc::clone(&activity), true));
    let mut server = http2::Builder::new(TokioExecutor::new());
    let resets = usize::try_from(limits.resets).unwrap_or(usize::MAX);
    server
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_pending_accept_reset_streams(resets)
        .max_local_error_reset_streams(resets)
        .max_header_list_size(u32::try_from(limits.header.0).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(timeouts.client);
    let mut connection = pin!(server.serve_connection(stream, service));
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = activity.stands_still(&timeouts) => {}
        () = reaches(&mut ending, Ending::Closing) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.as_mut().await;
        }
    }
    drop(open);
}
