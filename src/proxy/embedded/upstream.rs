//! The addresses of a colour, and the connections to them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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

/// An address that took no connection is the last choice for this long.
const AVOIDED: Duration = Duration::from_secs(2);

/// One colour's instances.
#[derive(Debug)]
pub(super) struct Upstream {
    addresses: Vec<Arc<Address>>,
    turn: AtomicUsize,
    running: Arc<Running>,
    connect: Duration,
}

/// Where one instance listens.
#[derive(Debug)]
struct Address {
    name: String,
    in_flight: AtomicUsize,
    /// When it took no connection, in milliseconds of elapsed time; 0 is never.
    failed: AtomicU64,
    pool: Pool<SendRequest<Upload>>,
}

impl Address {
    fn new(name: &str) -> Arc<Self> {
        let (in_flight, failed) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { name: name.to_owned(), in_flight, failed, pool: Pool::default() })
    }

    /// The lower, the better: one that works before one that has just failed, then by how busy it is.
    fn rank(&self) -> (bool, usize) {
        let failed = Duration::from_millis(self.failed.load(Ordering::Relaxed));
        let is_avoided = !failed.is_zero() && clock::elapsed().saturating_sub(failed) < AVOIDED;
        (is_avoided, self.in_flight.load(Ordering::Relaxed))
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
        let addresses = addresses.iter().map(|name| Address::new(name)).collect();
        Self { addresses, turn: AtomicUsize::new(0), running, connect }
    }

    /// All addresses, each time from another one on, so that equals take turns.
    fn in_turn(&self) -> impl Iterator<Item = &Arc<Address>> {
        let turn = if self.addresses.len() > 1 { self.turn.fetch_add(1, Ordering::Relaxed) % self.addresses.len() } else { 0 };
        let (before, after) = self.addresses.split_at(turn);
        after.iter().chain(before)
    }

    /// An idle connection to the least busy address, if it may carry this request.
    pub(super) fn pooled(&self, repeatable: bool) -> Option<Lease> {
        let address = self.in_turn().min_by_key(|address| address.rank())?;
        let sender = address.pool.take(repeatable, clock::elapsed())?;
        Some(Lease::new(sender, address))
    }

    /// A fresh connection, to the least busy address that takes one. A name is resolved anew each time.
    ///
    /// # Errors
    /// Where none takes one: what the last one tried said.
    pub(super) async fn connect(&self, claim: &Claim) -> Result<Lease, Trouble> {
        let mut addresses: Vec<&Arc<Address>> = self.in_turn().collect();
        addresses.sort_by_key(|address| address.rank());
        let mut trouble = Trouble::NoAddress;
        for address in addresses {
            match self.connect_to(address, claim).await {
                Ok(lease) => return Ok(lease),
                Err(Trouble::Cut) => return Err(Trouble::Cut),
                Err(failed) => {
                    address.failed.store(u64::try_from(clock::elapsed().as_millis()).unwrap_or(0), Ordering::Relaxed);
                    trouble = failed;
                }
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::domain::colour::Colour;
    use crate::proxy::embedded::claim::{Claims, Door, Live};

    fn upstream(addresses: &[String]) -> (Upstream, Claim) {
        let claims = Arc::new(Claims::new(Live { colour: Some(Colour::Blue), epoch: 0 }, Colour::Green));
        let running = Arc::new(Running::new(Arc::clone(&claims)));
        (Upstream::new(addresses, running, Duration::from_secs(5)), claims.claim(Door::Live).unwrap())
    }

    #[tokio::test]
    async fn equals_take_turns_the_busiest_is_last_and_the_dead_is_avoided() {
        let listeners = [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut addresses: Vec<String> = listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect();
        addresses.insert(0, gone.local_addr().unwrap().to_string());
        drop(gone);
        let (upstream, claim) = upstream(&addresses);
        let mut leases = Vec::new();
        for _ in 0..6 {
            leases.push(upstream.connect(&claim).await.unwrap());
        }
        let busy: Vec<usize> = upstream.addresses.iter().map(|address| address.in_flight.load(Ordering::Relaxed)).collect();
        assert_eq!(busy, [0, 3, 3]);
        assert!(upstream.addresses[0].rank().0, "it is avoided");
    }

    #[tokio::test]
    async fn nobody_there_and_no_such_name_are_told_apart() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let (upstream, claim) = upstream(&[gone]);
        assert_eq!(upstream.connect(&claim).await.unwrap_err(), Trouble::Refused);
        assert_eq!(refused(&io::Error::other("failed to lookup address information")), Trouble::NoAddress);
        assert_eq!(Trouble::NoAddress.status(), hyper::StatusCode::SERVICE_UNAVAILABLE);
    }
}
