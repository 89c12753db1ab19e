//! Build and run.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::{pending, select_all};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{interval, sleep, timeout};

use super::access_log::AccessLog;
use super::claim::Claims;
use super::control;
use super::doors::{DoorError, Doors};
use super::forward::Forwarder;

use super::lookup::Names;
use super::pages::Pages;
use super::pause::Pause;
use super::redirect;
use super::running::Running;
use super::shared::{Ending, Shared};
use super::shift::Shifter;
use super::standing::Standing;
use super::state_file::{StateError, StateFile};
use super::tunnel::GOODBYE;
use super::upstream::Upstream;
use super::worker;
use crate::domain::colour::Colour;
use crate::files::{self, StateDir};
use crate::net::listen::{self, ListenError};
use crate::proxy::control::ProxyState;
use crate::proxy::{AccessLogSettings, ProxySettings};
use crate::settings::AppSettings;

/// How long idle clients have to send one last request when the proxy ends.
const LINGER: Duration = Duration::from_millis(300);
/// An address that took no connection is tried again after this, and is the last choice until it takes one.
const AVOIDED: Duration = Duration::from_millis(500);

/// Why the proxy could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something else listens there.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The first state could not be stored.
    #[error(transparent)]
    State(#[from] StateError),
    /// A listener cannot be had.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The access log cannot be opened.
    #[error("the access log {0} cannot be opened: {1}. Set proxy.access_log to another file, or to \"off\"")]
    AccessLog(PathBuf, io::Error),
    /// The prober's token can be neither read nor made.
    #[error("the token in {0} can be neither read nor made: {1}")]
    Token(PathBuf, io::Error),
}

/// A proxy that is bound and not yet running.
#[derive(Debug)]
pub struct Embedded {
    doors: Doors,
    room: Arc<Semaphore>,
    socket: UnixListener,
    socket_path: PathBuf,
    shifter: Arc<Shifter>,
    standing: Arc<Standing>,
    forwarder: Arc<Forwarder>,
    log_thread: Option<JoinHandle<()>>,
    names: [Names; 2],
    resolve: Duration,
    drain: Duration,
}

/// What others may ask a running proxy in the same process.
#[derive(Debug, Clone)]
pub struct Look(Arc<Shifter>);

impl Look {
    /// What is live, and what each colour has to do.
    #[must_use]
    pub fn state(&self) -> ProxyState {
        self.0.state()
    }

    /// Why live is undefined, while it is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble()
    }
}

impl Embedded {
    /// Binds both listeners and the control socket. `drain` is how long requests have to finish at the end, `streams` how long the streams of a
    /// colour go on when the other one has become live; none: until it is cut.
    ///
    /// # Errors
    /// Where something cannot be bound, or where neither state nor token can be read or made.
    pub async fn build(
        settings: &ProxySettings,
        app: &AppSettings,
        state: &StateDir,
        (drain, streams): (Duration, Option<Duration>),
    ) -> Result<Self, BuildError> {
        let doors = Doors::bind(settings, state).await?;
        let socket_path = state.proxy_socket();
        let socket = listen::unix("the proxy's control socket", &socket_path).await?;
        let token = files::token(&state.probe_token()).map_err(|error| BuildError::Token(state.probe_token(), error))?;
        let file = StateFile::new(&state.proxy_state());
        let found = file.load(settings.first_live)?;
        if let Some(trouble) = &found.trouble {
            tracing::error!("{trouble}");
        }
        let threads = settings.threads();
        let claims = Arc::new(Claims::new(found.live, settings.first_live.other(), threads));
        let running = Arc::new(Running::new(Arc::clone(&claims)));
        let mut names = Colour::BOTH.map(|colour| Names::new(colour, &app.colour(colour).addresses));
        let [blue, green] = names.each_ref().map(|names| Upstream::new(names.any(), Arc::clone(&running), settings.timeouts, threads));
        let [of_blue, of_green] = &mut names;
        // Clients that come meanwhile wait.
        tokio::join!(of_blue.look_up(&blue), of_green.look_up(&green));
        let shifter = Arc::new(Shifter::new(Arc::clone(&claims), Arc::clone(&running), file, found).ending_streams_after(streams));
        let room = Arc::new(Semaphore::new(listen::clients(settings.limits.connections)));
        let (log, log_thread) = open_log(&settings.access_log, state, threads)?.unzip();
        let pause = Arc::new(Pause::load(&state.join("maintenance.json"), settings.hold));
        let forwarder = Arc::new(Forwarder {
            claims,
            running,
            blue,
            green,
            timeouts: settings.timeouts,
            limits: settings.limits,
            trusted: settings.trusted.clone(),
            token,
            pause: Arc::clone(&pause),
            maintenance_health: settings.maintenance_health,
            health: app.health.clone(),
            pages: Pages::load(settings.pages.as_ref().map(|folder| state.join(folder)).as_deref()),
            log,
            is_closing: AtomicBool::new(false),
        });
        Ok(Self {
            standing: Arc::new(Standing::new(pause, doors.certificates.clone(), forwarder.log.clone())),
            doors,
            socket,
            socket_path,
            shifter,
            room,
            forwarder,
            log_thread,
            names,
            resolve: settings.resolve,
            drain,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        let socket = self.socket_path.display().to_string();
        let mut addresses = vec![("live", self.doors.live.1.to_string()), ("idle", self.doors.idle.1.to_string()), ("control", socket)];
        addresses.extend(self.doors.redirect.as_ref().map(|(_, bound)| ("redirect", bound.to_string())));
        addresses
    }

    /// Where clients come in.
    #[must_use]
    pub fn doors(&self) -> Vec<SocketAddr> {
        vec![self.doors.live.1, self.doors.idle.1]
    }

    /// For `/healthz` and `/metrics`.
    #[must_use]
    pub fn look(&self) -> Look {
        Look(Arc::clone(&self.shifter))
    }

    /// Serves until `shutdown`; then takes no more clients, and gives what is running `drain` to finish.
    ///
    /// # Errors
    /// Where the control socket breaks.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (end, ending) = watch::channel(Ending::Serving);
        let (open, closed) = mpsc::channel(1);
        let Doors { live, idle, redirect: sending_on, live_tls, idle_tls, .. } = self.doors;
        let shared = |worker| Shared {
            worker,
            forwarder: Arc::clone(&self.forwarder),
            live_tls: live_tls.clone(),
            idle_tls: idle_tls.clone(),
            room: Arc::clone(&self.room),
            ending: ending.clone(),
            open: open.clone(),
        };
        let shared = (0..self.forwarder.claims.workers()).map(shared).collect();
        let workers = worker::start(live.0, idle.0, shared)?;
        drop(open);
        let [of_blue, of_green] = self.names;
        let work = async {
            tokio::select! {
                (_, worker, _) = select_all(workers) => Err(io::Error::other(format!("worker {worker} has ended"))),
                () = sweep(&self.forwarder, &self.standing) => Ok(()),
                () = redirect(sending_on, live.1, &self.room) => Ok(()),
                () = try_failed(&self.forwarder) => Ok(()),
                () = of_blue.follow(&self.forwarder.blue, self.resolve) => Ok(()),
                () = of_green.follow(&self.forwarder.green, self.resolve) => Ok(()),
                ended = reopen_log(self.forwarder.log.as_deref()) => ended,
                () = shutdown => Ok(()),
            }
        };
        let (shifter, standing, forwarder) = (Arc::clone(&self.shifter), Arc::clone(&self.standing), Arc::clone(&self.forwarder));
        let broken = control::serve(self.socket, shifter, standing, forwarder, work).await;
        // Gone before the drain: the next proxy may bind its own there while this one finishes.
        let _ = std::fs::remove_file(&self.socket_path);
        finish(&self.forwarder, &end, closed, self.drain).await;
        end.send_replace(Ending::Over);
        end_log(&self.forwarder, self.log_thread).await;
        broken
    }
}

async fn sweep(forwarder: &Forwarder, standing: &Standing) {
    let mut tick = interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        standing.look_at_certificates();
        forwarder.blue.sweep();
        forwarder.green.sweep();
        if let Some(log) = &forwarder.log {
            log.flush();
        }
    }
}

async fn redirect(listener: Option<(TcpListener, SocketAddr)>, secure: SocketAddr, room: &Arc<Semaphore>) {
    match listener {
        Some((listener, _)) => match redirect::serve(listener, secure, Arc::clone(room)).await {},
        None => pending().await,
    }
}

type OpenLog = (Arc<AccessLog>, JoinHandle<()>);

fn open_log(settings: &AccessLogSettings, state: &StateDir, workers: usize) -> Result<Option<OpenLog>, BuildError> {
    let Some(path) = &settings.path else { return Ok(None) };
    let path = state.join(path);
    let opened = AccessLog::open(&path, settings.size.0, workers);
    let (log, thread) = opened.map_err(|error| BuildError::AccessLog(path, error))?;
    Ok(Some((Arc::new(log), thread)))
}

/// At each SIGUSR1, as other servers do.
async fn reopen_log(log: Option<&AccessLog>) -> io::Result<()> {
    let mut told = signal(SignalKind::user_defined1())?;
    while told.recv().await.is_some() {
        if let Some(log) = log {
            log.reopen();
        }
    }
    Ok(())
}

/// The last lines are written before the process ends.
async fn end_log(forwarder: &Forwarder, thread: Option<JoinHandle<()>>) {
    if let (Some(log), Some(thread)) = (forwarder.log.clone(), thread) {
        let ended = tokio::task::spawn_blocking(move || {
            log.end();
            thread.join()
        });
        if timeout(GOODBYE, ended).await.is_err() {
            tracing::warn!("the last lines of the access log were not written in time");
        }
    }
}

async fn try_failed(forwarder: &Forwarder) {
    loop {
        sleep(AVOIDED).await;
        tokio::join!(forwarder.blue.try_failed(), forwarder.green.try_failed());
    }
}

async fn finish(forwarder: &Forwarder, end: &watch::Sender<Ending>, mut closed: mpsc::Receiver<Infallible>, drain: Duration) {
    forwarder.is_closing.store(true, Ordering::Relaxed);
    forwarder.pause.end_hold();
    end.send_replace(Ending::Closing);
    sleep(LINGER.min(drain)).await;
    end.send_replace(Ending::Closed);
    for colour in Colour::BOTH {
        forwarder.running.end_streams(colour, u64::MAX);
    }
    if timeout(drain, closed.recv()).await.is_err() {
        tracing::warn!(drain = ?drain, "requests were still running when the drain was over");
    }
    let streams_gone = async {
        while Colour::BOTH.iter().any(|colour| forwarder.claims.state().load(*colour).streams > 0) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    if timeout(GOODBYE, streams_gone).await.is_err() {
        tracing::warn!("streams were cut that did not answer our goodbye");
    }
}
