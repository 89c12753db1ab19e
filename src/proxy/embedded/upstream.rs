//! The addresses of a colour, and the connections to them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::Trouble;
use super::claim::Claim;
use super::pool::{Pool, Poolable};
use super::running::Running;
use super::upload::Upload;
use crate::clock;

/// One colour's instances.
#[derive(Debug)]
pub(super) struct Upstream {
    addresses: Vec<Arc<Address>>,
    running: Arc<Running>,
    connect: Duration,
}

/// Where one instance listens.
#[derive(Debug)]
struct Address {
    name: String,
    in_flight: AtomicUsize,
    pool: Pool<SendRequest<Upload>>,
}

impl Poolable for SendRequest<Upload> {
    fn is_ready(&self) -> bool {
        SendRequest::is_ready(self)
    }

    fn is_closed(&self) -> bool {
        SendRequest::is_closed(self)
    }
}

/// A connection that carries one request and its answer.
#[derive(Debug)]
pub(super) struct Lease {
    sender: Option<SendRequest<Upload>>,
    address: Arc<Address>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nothing was sent: the request as it was.
    Unsent(Box<Request<Upload>>),
    /// The connection broke.
    Broken(hyper::Error),
}

impl Upstream {
    /// At these addresses, `host:port` each; a connection that takes longer than `connect` has failed.
    pub(super) fn new(addresses: &[String], running: Arc<Running>, connect: Duration) -> Self {
        let address = |name: &String| Arc::new(Address { name: name.clone(), in_flight: AtomicUsize::new(0), pool: Pool::default() });
        Self { addresses: addresses.iter().map(address).collect(), running, connect }
    }

    /// An idle connection to the least busy address, if it may carry this request.
    pub(super) fn pooled(&self, repeatable: bool) -> Option<Lease> {
        let address = self.addresses.iter().min_by_key(|address| address.in_flight.load(Ordering::Relaxed))?;
        let sender = address.pool.take(repeatable, clock::elapsed())?;
        Some(Lease::new(sender, address))
    }

    /// A fresh connection, to the least busy address that takes one. A name is resolved anew each time.
    ///
    /// # Errors
    /// Where none takes one: what the last one tried said.
    pub(super) async fn connect(&self, claim: &Claim) -> Result<Lease, Trouble> {
        let mut addresses: Vec<&Arc<Address>> = self.addresses.iter().collect();
        addresses.sort_by_key(|address| address.in_flight.load(Ordering::Relaxed));
        let mut trouble = Trouble::NoAddress;
        for address in addresses {
            match self.connect_to(address, claim).await {
                Ok(lease) => return Ok(lease),
                Err(Trouble::Cut) => return Err(Trouble::Cut),
                Err(failed) => trouble = failed,
            }
        }
        Err(trouble)
    }

    async fn connect_to(&self, address: &Arc<Address>, claim: &Claim) -> Result<Lease, Trouble> {
        let stream = match timeout(self.connect, TcpStream::connect(&address.name)).await {
            Err(_) => return Err(Trouble::ConnectTimeout(self.connect)),
            Ok(Err(error)) => return Err(refused(&error)),
            Ok(Ok(stream)) => stream,
        };
        // Without it a small request waits for the answer to the last one; that it fails changes nothing else.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = Builder::new().handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Broken)?;
        let task = async move {
            // How it ended is told to who sent a request on it.
            let _ = connection.with_upgrades().await;
        };
        self.running.start(claim.ticket(), task).map_err(|_| Trouble::Cut)?;
        Ok(Lease::new(sender, address))
    }

    /// Closes idle connections that will not be used again.
    pub(super) fn sweep(&self) {
        for address in &self.addresses {
            address.pool.sweep(clock::elapsed());
        }
    }
}

fn refused(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Trouble::Refused,
        io::ErrorKind::TimedOut => Trouble::Unreachable,
        // A name that does not resolve has no kind of its own.
        _ if error.raw_os_error().is_none() => Trouble::NoAddress,
        _ => Trouble::Unreachable,
    }
}

impl Lease {
    fn new(sender: SendRequest<Upload>, address: &Arc<Address>) -> Self {
        address.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { sender: Some(sender), address: Arc::clone(address) }
    }

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
            self.address.pool.put(sender, clock::elapsed());
        }
    }

    /// The connection is not to be used again.
    pub(super) fn spend(&mut self) {
        self.sender = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.address.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
