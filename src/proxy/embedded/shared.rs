//! What all connections of a worker share, and how the end comes to them.

use std::convert::Infallible;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::sync::{Semaphore, mpsc, watch};

use super::claim::Door;
use super::forward::Forwarder;

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
    pub(super) live_tls: Option<Arc<ServerConfig>>,
    pub(super) idle_tls: Option<Arc<ServerConfig>>,
    /// For so many clients.
    pub(super) room: Arc<Semaphore>,
    pub(super) ending: watch::Receiver<Ending>,
    /// Held while a connection is open.
    pub(super) open: mpsc::Sender<Infallible>,
}

impl Shared {
    /// What a listener needs for TLS, where it has it.
    pub(super) fn tls(&self, door: Door) -> Option<&Arc<ServerConfig>> {
        match door {
            Door::Live => self.live_tls.as_ref(),
            Door::Idle => self.idle_tls.as_ref(),
        }
    }
}

/// Resolves when the end has come so far.
pub(super) async fn reaches(ending: &mut watch::Receiver<Ending>, stage: Ending) {
    // Whoever could go further is gone: the process ends.
    let _ = ending.wait_for(|ending| *ending >= stage).await;
}
