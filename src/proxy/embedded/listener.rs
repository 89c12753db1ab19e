//! Accepts clients, and serves each on a task of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::claim::Door;
use super::client::{Activity, Noted};
use super::forward::{Forwarder, Origin};
use super::headers::Peer;
use super::metrics::Connected;

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// Not begun.
    Serving,
    /// No new connections; each answer is its connection's last.
    Closing,
    /// Idle connections are closed.
    Closed,
    /// Whatever is left is dropped.
    Over,
}

/// What a connection shares with all others of its worker.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) worker: usize,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) ending: watch::Receiver<Ending>,
    /// Held while a connection is open.
    pub(super) open: mpsc::Sender<Infallible>,
}

/// A client that was accepted.
pub(super) type Accepted = (TcpStream, SocketAddr);

/// Accepts until the end begins, and hands over what was accepted.
pub(super) async fn accept(listener: TcpListener, door: Door, mut ending: watch::Receiver<Ending>, mut take: impl FnMut(Accepted)) {
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = reaches(&mut ending, Ending::Closing) => return,
        };
        match accepted {
            Ok(accepted) => {
                // Without it a small answer waits for the client's acknowledgement of the last.
                let _ = accepted.0.set_nodelay(true);
                take(accepted);
                is_failing = false;
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

/// Resolves when the end has come so far.
pub(super) async fn reaches(ending: &mut watch::Receiver<Ending>, stage: Ending) {
    // Whoever could go further is gone: the process ends.
    let _ = ending.wait_for(|ending| *ending >= stage).await;
}

/// Serves one connection, whatever it came over: TLS and HTTP/2 are chosen by who calls this.
pub(super) async fn serve<S>(stream: S, peer: SocketAddr, door: Door, shared: Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Shared { worker, forwarder, mut ending, open } = shared;
    let _connected = Connected::new(door);
    let activity = Arc::new(Activity::new());
    let peer = Peer::new(peer.ip(), &forwarder.trusted);
    let origin = Arc::new(Origin { worker, door, peer, activity: Arc::clone(&activity) });
    let limits = forwarder.timeouts;
    let service = service_fn(|request| {
        let (forwarder, origin) = (Arc::clone(&forwarder), Arc::clone(&origin));
        async move { Ok::<_, Infallible>(forwarder.answer(request, &origin).await) }
    });
    let stream = TokioIo::new(Noted::new(stream, Arc::clone(&activity)));
    let connection = Builder::new().timer(TokioTimer::new()).header_read_timeout(None).serve_connection(stream, service).with_upgrades();
    let mut connection = pin!(connection);
    let still = activity.stands_still(&limits);
    tokio::select! {
        biased;
        // How a client's connection ended is the client's affair.
        _ = connection.as_mut() => {}
        () = still => {}
        () = reaches(&mut ending, Ending::Closed) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.as_mut().await;
        }
    }
    drop(open);
}
