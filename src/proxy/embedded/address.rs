//! Where one instance listens, and the connections to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::claim::Claim;
use super::pool::{Pool, Poolable};
use super::running::Running;
use super::trouble::Trouble;
use super::upload::Upload;
use crate::clock;
use crate::net::names::Place;

/// Where one instance listens.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) place: Place,
    in_flight: AtomicUsize,
    /// It took no connection when it was last tried.
    failed: AtomicBool,
    pool: Pool<SendRequest<Upload>>,
}

/// One request at an address, from the attempt to connect until its answer has ended.
#[derive(Debug)]
struct Busy(Arc<Address>);

/// A connection that carries one request and its answer.
#[derive(Debug)]
pub(super) struct Lease {
    sender: Option<SendRequest<Upload>>,
    busy: Busy,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nothing was sent: the request as it was.
    Unsent(Box<Request<Upload>>),
    /// The connection broke.
    Broken(hyper::Error),
}

impl Address {
    /// Of an instance that nothing is known of.
    pub(super) fn new(place: Place) -> Arc<Self> {
        Arc::new(Self { place, in_flight: AtomicUsize::new(0), failed: AtomicBool::new(false), pool: Pool::default() })
    }

    /// The lower, the better: one that works before one that has failed, then by how busy it is.
    pub(super) fn rank(&self) -> (bool, usize) {
        (self.has_failed(), self.in_flight.load(Ordering::Relaxed))
    }

    /// Whether it took no connection when it was last tried.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether its name no longer stands for it.
    pub(super) fn has_vanished(&self) -> bool {
        self.pool.is_closed()
    }

    /// Its name no longer stands for it: idle connections close now, those in use after their answer.
    pub(super) fn vanish(&self) {
        self.pool.close();
    }

    /// Closes idle connections that will not be used again.
    pub(super) fn sweep(&self) {
        self.pool.sweep(clock::elapsed());
    }

    /// An idle connection that may carry this request.
    pub(super) fn pooled(self: &Arc<Self>, repeatable: bool) -> Option<Lease> {
        let sender = self.pool.take(repeatable, clock::elapsed())?;
        Some(Lease { sender: Some(sender), busy: Busy::new(self) })
    }

    /// A fresh connection, which a cut of the claimed colour ends.
    ///
    /// # Errors
    /// Where it takes none within `limit`.
    pub(super) async fn connect(self: &Arc<Self>, claim: &Claim, running: &Arc<Running>, limit: Duration) -> Result<Lease, Trouble> {
        // Counted before it is taken: one that does not answer is not everyone's first choice meanwhile.
        let busy = Busy::new(self);
        let stream = self.stream(limit).await?;
        // Without it a small request waits for the answer to the last one; that it fails changes nothing else.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = Builder::new().handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Broken)?;
        let task = async move {
            // How it ended is told to who sent a request on it.
            let _ = connection.with_upgrades().await;
        };
        running.start(claim.ticket(), task).map_err(|_| Trouble::Cut)?;
        Ok(Lease { sender: Some(sender), busy })
    }

    /// Finds out whether it takes connections, at nobody's cost.
    pub(super) async fn try_again(&self, limit: Duration) {
        // What came of it stands in `failed`.
        let _ = self.stream(limit).await;
    }

    async fn stream(&self, limit: Duration) -> Result<TcpStream, Trouble> {
        let stream = match timeout(limit, TcpStream::connect(self.place.addresses())).await {
            Err(_) => Err(Trouble::ConnectTimeout(limit)),
            Ok(Err(error)) => Err(refused(&error)),
            Ok(Ok(stream)) => Ok(stream),
        };
        self.failed.store(stream.is_err(), Ordering::Relaxed);
        stream
    }
}

impl Poolable for SendRequest<Upload> {
    fn is_ready(&self) -> bool {
        SendRequest::is_ready(self)
    }

    fn is_closed(&self) -> bool {
        SendRequest::is_closed(self)
    }
}

fn refused(error: &io::Error) -> Trouble {
    if error.kind() == io::ErrorKind::ConnectionRefused { Trouble::Refused } else { Trouble::Unreachable }
}

impl Busy {
    fn new(address: &Arc<Address>) -> Self {
        address.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(address))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lease {
    /// Sends a request and waits for the header of its answer.
    ///
    /// # Errors
    /// Where none comes; with the request where nothing of it was sent.
    pub(super) async fn send(&mut self, request: Request<Upload>) -> Result<Response<Incoming>, Unanswered> {
        let Some(sender) = &mut self.sender else { return Err(Unanswered::Unsent(Box::new(request))) };
        sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Unsent(Box::new(request)),
            None => Unanswered::Broken(error.into_error()),
        })
    }

    /// The answer has ended: the connection may be used again.
    pub(super) fn give_back(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.busy.0.pool.put(sender, clock::elapsed());
        }
    }

    /// The connection is not to be used again.
    pub(super) fn spend(&mut self) {
        self.sender = None;
    }
}
