//! The workers: threads with a runtime each. A client is served from its first byte to its last by one of them, which also holds the
//! connections to the app that it needs: nothing is handed from thread to thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::net::sockopt::set_tcp_nodelay;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::claim::Door;
use super::listener::{Accepted, accept, serve};
use super::shared::{Ending, Shared, reaches};

/// A worker passes a new client on where it has so many more than the least busy one.
const UNEVEN: usize = 4;

/// A client on its way to another worker.
type Passed = (std::net::TcpStream, SocketAddr, OwnedSemaphorePermit, Door);

/// The workers as each of them knows them.
#[derive(Debug, Clone)]
struct Team(Arc<Vec<Place>>);

#[derive(Debug)]
#[repr(align(128))]
struct Place {
    clients: AtomicUsize,
    inbox: mpsc::UnboundedSender<Passed>,
}

/// A client that its worker counts until it has gone.
struct Counted {
    team: Team,
    worker: usize,
}

/// Starts the workers on both listeners, one for each of `shared`. Hands back a word from each that comes when it has ended.
///
/// # Errors
/// Where threads or runtimes cannot be made.
pub(super) fn start(live: TcpListener, idle: TcpListener, shared: Vec<Shared>) -> io::Result<Vec<oneshot::Receiver<()>>> {
    let (live, idle) = (live.into_std()?, idle.into_std()?);
    for listener in [&live, &idle] {
        // Without it a small answer waits for the client's acknowledgement of the last. What is accepted inherits it.
        set_tcp_nodelay(listener, true)?;
    }
    let (places, inboxes): (Vec<_>, Vec<_>) = shared
        .iter()
        .map(|_| {
            let (inbox, passed) = mpsc::unbounded_channel();
            (Place { clients: AtomicUsize::new(0), inbox }, passed)
        })
        .unzip();
    let team = Team(Arc::new(places));
    let mut ends = Vec::new();
    for (shared, passed) in shared.into_iter().zip(inboxes) {
        let doors = [(live.try_clone()?, Door::Live), (idle.try_clone()?, Door::Idle)];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (ended, end) = oneshot::channel();
        let team = team.clone();
        std::thread::Builder::new().name(format!("proxy-{}", shared.worker)).spawn(move || {
            if let Err(error) = runtime.block_on(work(doors, shared, team, passed)) {
                tracing::error!(%error, "a worker cannot go on");
            }
            // Whoever waits for it may have gone.
            let _ = ended.send(());
        })?;
        ends.push(end);
    }
    Ok(ends)
}

async fn work(
    doors: [(std::net::TcpListener, Door); 2],
    shared: Shared,
    team: Team,
    mut passed: mpsc::UnboundedReceiver<Passed>,
) -> io::Result<()> {
    for (listener, door) in doors {
        let listener = TcpListener::from_std(listener)?;
        let (shared, team) = (shared.clone(), team.clone());
        tokio::spawn(async move {
            let (room, ending) = (Arc::clone(&shared.room), shared.ending.clone());
            accept(listener, door, room, ending, |accepted| team.take(accepted, door, &shared)).await;
        });
    }
    let mut ending = shared.ending.clone();
    loop {
        tokio::select! {
            Some((stream, peer, permit, door)) = passed.recv() => team.keep((TcpStream::from_std(stream)?, peer, permit), door, &shared),
            () = reaches(&mut ending, Ending::Closed) => break,
        }
    }
    // From now on only who is served holds up the end.
    drop(shared);
    reaches(&mut ending, Ending::Over).await;
    Ok(())
}

impl Team {
    /// Serves a client here, or passes it on to a worker that has much less to do.
    fn take(&self, accepted: Accepted, door: Door, shared: &Shared) {
        let clients = |place: &Place| place.clients.load(Ordering::Relaxed);
        let own = self.0.get(shared.worker).map_or(0, clients);
        let Some(least) = self.0.iter().min_by_key(|place| clients(place)).filter(|place| clients(place) + UNEVEN <= own) else {
            return self.keep(accepted, door, shared);
        };
        let (stream, peer, permit) = accepted;
        // One that cannot be passed on is closed: neither happens but at the end.
        let _ = stream.into_std().map(|stream| least.inbox.send((stream, peer, permit, door)));
    }

    fn keep(&self, accepted: Accepted, door: Door, shared: &Shared) {
        let counted = Counted::new(self.clone(), shared.worker);
        let shared = shared.clone();
        // Made where it is awaited: one that is handed in takes twice the memory, for every client.
        tokio::spawn(async move {
            serve(accepted, door, shared).await;
            drop(counted);
        });
    }
}

impl Counted {
    fn new(team: Team, worker: usize) -> Self {
        let counted = Self { team, worker };
        counted.count(|clients| clients.fetch_add(1, Ordering::Relaxed));
        counted
    }

    fn count(&self, change: impl FnOnce(&AtomicUsize) -> usize) {
        self.team.0.get(self.worker).map(|place| change(&place.clients));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.count(|clients| clients.fetch_sub(1, Ordering::Relaxed));
    }
}
