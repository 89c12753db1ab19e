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
            Some(client) = passed.recv() => team.take_over(client, &shared),
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

    /// Serves a client that another worker passed on. One that cannot be had here is closed, and all others are served.
    fn take_over(&self, (stream, peer, permit, door): Passed, shared: &Shared) {
        match TcpStream::from_std(stream) {
            Ok(stream) => self.keep((stream, peer, permit), door, shared),
            Err(error) => tracing::debug!(%error, %peer, "a client that was passed on cannot be served"),
        }
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

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::sync::atomic::AtomicBool;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Semaphore, watch};

    use super::*;
    use crate::config::Config;
    use crate::domain::colour::Colour;
    use crate::proxy::embedded::claim::{Claims, Live};
    use crate::proxy::embedded::forward::Forwarder;
    use crate::proxy::embedded::pages::Pages;
    use crate::proxy::embedded::pause::Pause;
    use crate::proxy::embedded::running::Running;
    use crate::proxy::embedded::upstream::Upstream;

    /// What a lone worker shares that has room for one client, and no app to send it to.
    fn shared(folder: &std::path::Path, ending: watch::Receiver<Ending>) -> Shared {
        let settings = Config::parse("[runtime]\ncommand = \"x\"\n").unwrap().config.proxy;
        let claims = Arc::new(Claims::new(Live { colour: None, epoch: 0 }, Colour::Green, 1));
        let running = Arc::new(Running::new(Arc::clone(&claims)));
        let forwarder = Forwarder {
            claims,
            blue: Upstream::new(false, Arc::clone(&running), settings.timeouts, 1),
            green: Upstream::new(false, Arc::clone(&running), settings.timeouts, 1),
            running,
            timeouts: settings.timeouts,
            limits: settings.limits,
            trusted: Vec::new(),
            token: "token".to_owned(),
            pause: Arc::new(Pause::load(&folder.join("maintenance.json"), settings.hold)),
            maintenance_health: settings.maintenance_health,
            health: "/healthz".to_owned(),
            pages: Pages::load(None),
            log: None,
            is_closing: AtomicBool::new(false),
        };
        let (room, open) = (Arc::new(Semaphore::new(1)), mpsc::channel(1).0);
        Shared { worker: 0, forwarder: Arc::new(forwarder), live_tls: None, idle_tls: None, room, ending, open }
    }

    fn listener() -> std::net::TcpListener {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    }

    /// What nobody can wait for: a file in a socket's clothes.
    fn no_client() -> std::net::TcpStream {
        let file = std::net::TcpStream::from(OwnedFd::from(tempfile::tempfile().unwrap()));
        file.set_nonblocking(true).unwrap();
        file
    }

    #[tokio::test]
    async fn a_client_that_cannot_be_taken_over_is_closed_and_the_next_one_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let (_end, ending) = watch::channel(Ending::Serving);
        let (inbox, passed) = mpsc::unbounded_channel();
        let team = Team(Arc::new(vec![Place { clients: AtomicUsize::new(0), inbox: inbox.clone() }]));
        let (shared, doors) = (shared(folder.path(), ending), [(listener(), Door::Live), (listener(), Door::Idle)]);
        let (room, live) = (Arc::clone(&shared.room), doors[0].0.local_addr().unwrap());
        let permit = Arc::clone(&room).try_acquire_owned().unwrap();
        inbox.send((no_client(), live, permit, Door::Live)).unwrap();
        let asking = async {
            // Its place is free again.
            drop(room.acquire().await.unwrap());
            let mut client = TcpStream::connect(live).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
            let mut begin = [0; 12];
            client.read_exact(&mut begin).await.unwrap();
            begin
        };
        tokio::select! {
            ended = work(doors, shared, team, passed) => panic!("the worker has ended, and the proxy with it: {ended:?}"),
            begin = asking => assert_eq!(&begin, b"HTTP/1.1 503"),
        }
    }
}
