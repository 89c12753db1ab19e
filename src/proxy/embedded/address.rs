//! Where one instance listens, and the connections to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use hyper::Method;
use rustix::io::Errno;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::claim::Claim;
use super::connection::Connection;
use super::head::parse_answer;
use super::lease::Lease;
use super::running::Running;
use super::share::{Busy, Share};
use super::trouble::Trouble;
use crate::clock;
use crate::net::names::Place;
use crate::proxy::ProxyTimeouts;

/// The head of an answer that nobody gets is read up to this.
const HEAD_LIMIT: usize = 64 * 1024;

/// Where one instance listens.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) place: Place,
    /// It took no connection when it was last tried.
    refuses: AtomicBool,
    /// It took a request and did not answer it, nor has it answered since when it was asked again.
    is_silent: AtomicBool,
    /// What each worker does there: a connection lives where it was made.
    shares: Vec<Arc<Share>>,
}

impl Address {
    /// Of an instance that nothing is known of.
    pub(super) fn new(place: Place, workers: usize) -> Arc<Self> {
        let shares = (0..workers).map(|_| Arc::default()).collect();
        Arc::new(Self { place, refuses: AtomicBool::new(false), is_silent: AtomicBool::new(false), shares })
    }

    /// The lower, the better: one that works before one that has failed, then by how busy it is.
    pub(super) fn rank(&self) -> (bool, usize) {
        (self.has_failed(), self.shares.iter().map(|share| share.in_flight()).sum())
    }

    /// Whether it took no connection when it was last tried, or does not answer.
    pub(super) fn has_failed(&self) -> bool {
        self.refuses() || self.is_silent.load(Ordering::Relaxed)
    }

    /// Whether it took no connection when it was last tried.
    pub(super) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    /// It took a request and did not answer it: it counts as failed until it answers.
    pub(super) fn falls_silent(&self) {
        if !self.is_silent.swap(true, Ordering::Relaxed) {
            tracing::warn!(at = %self.place, "it takes requests and does not answer: it is left out until it does");
        }
    }

    /// Whether its name no longer stands for it.
    pub(super) fn has_vanished(&self) -> bool {
        self.shares.iter().any(|share| share.pool.is_closed())
    }

    /// Its name no longer stands for it: idle connections close now, those in use after their answer.
    pub(super) fn vanish(&self) {
        self.shares.iter().for_each(|share| share.pool.close());
    }

    /// Closes connections that were idle for longer than `limit`.
    pub(super) fn sweep(&self, limit: Duration) {
        let now = clock::elapsed();
        self.shares.iter().for_each(|share| share.pool.sweep(limit, now));
    }

    /// An idle connection of the worker's, for no longer than `limit`, that may carry this request. `now` is elapsed time.
    pub(super) fn pooled(&self, worker: usize, repeatable: bool, limit: Duration, now: Duration) -> Option<Lease> {
        let share = self.shares.get(worker)?;
        let connection = share.pool.take(repeatable, limit, now)?;
        Some(Lease::new(connection, Busy::new(share)))
    }

    /// Whether a connection is to here.
    pub(super) fn has_lent(&self, lease: &Lease) -> bool {
        self.shares.iter().any(|share| lease.is_of(share))
    }

    /// A fresh connection, which a cut of the claimed colour ends.
    ///
    /// # Errors
    /// Where it takes none within the limit.
    pub(super) async fn connect(&self, claim: &Claim, running: &Arc<Running>, limits: &ProxyTimeouts) -> Result<Lease, Trouble> {
        // Counted before it is taken: one that does not answer is not everyone's first choice meanwhile.
        let busy = Busy::new(self.shares.get(claim.worker).ok_or(Trouble::NoAddress)?);
        let stream = self.stream(limits.connect).await?;
        // Without it a small request waits for the answer to the last one; that it fails changes nothing else.
        let _ = stream.set_nodelay(true);
        let listing = running.list(claim.ticket()).map_err(|_| Trouble::Cut)?;
        Ok(Lease::new(Connection::new(stream, listing, limits.response_header.min(limits.client)), busy))
    }

    /// Finds out whether it takes connections, at nobody's cost.
    pub(super) async fn try_again(&self, limit: Duration) {
        // What came of it stands in `refuses`.
        let _ = self.stream(limit).await;
    }

    /// Finds out whether it works again, at nobody's cost: takes connections, and answers a GET of `health` where it has answered nobody.
    pub(super) async fn recovers(&self, health: &str, limit: Duration) {
        let Ok(stream) = self.stream(limit).await else { return };
        if self.is_silent.load(Ordering::Relaxed) && timeout(limit, answers(stream, &self.place, health)).await.unwrap_or(false) {
            self.is_silent.store(false, Ordering::Relaxed);
            tracing::info!(at = %self.place, "it answers again");
        }
    }

    async fn stream(&self, limit: Duration) -> Result<TcpStream, Trouble> {
        let stream = match timeout(limit, TcpStream::connect(self.place.addresses())).await {
            Err(_) => Err(Trouble::ConnectTimeout(limit)),
            Ok(Err(error)) => Err(refused(&error)),
            Ok(Ok(stream)) => Ok(stream),
        };
        // Without a descriptor of ours nothing was learnt of it.
        if !matches!(stream, Err(Trouble::NoDescriptor)) {
            self.refuses.store(stream.is_err(), Ordering::Relaxed);
        }
        stream
    }
}

/// Whether whoever listens there answers, whatever it says.
async fn answers(mut stream: TcpStream, place: &Place, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n\r\n");
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut input = BytesMut::new();
    while stream.read_buf(&mut input).await.unwrap_or(0) > 0 {
        match parse_answer(&mut input, &Method::GET) {
            Ok(Some(_)) => return true,
            Ok(None) if input.len() < HEAD_LIMIT => {}
            Ok(None) | Err(_) => return false,
        }
    }
    false
}

fn refused(error: &io::Error) -> Trouble {
    let is_one_of = |errors: [Errno; 2]| errors.iter().any(|one| error.raw_os_error() == Some(one.raw_os_error()));
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Trouble::Refused,
        _ if is_one_of([Errno::MFILE, Errno::NFILE]) => Trouble::NoDescriptor,
        _ => Trouble::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_we_have_no_descriptor_left_is_not_the_colours_trouble() {
        let none_left = refused(&Errno::MFILE.into());
        assert!(none_left == Trouble::NoDescriptor && !none_left.is_colours());
        assert!(refused(&Errno::HOSTUNREACH.into()).is_colours());
    }
}
