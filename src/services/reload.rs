//! A part reads its config anew, on an order or on SIGHUP, and closes no listener for it: what it needs is made first; then the old work
//! ends in order, and the new begins on the same sockets, which keep whoever comes in between.

use std::net::{SocketAddr, TcpListener as Bound};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::clock;
use crate::config::{self, Config, ConfigError};
use crate::files::StateDir;
use crate::monitor::Monitor;
use crate::monitor::orders::ConfigView;
use crate::net::listen;
use crate::net::manager::ServiceManager;
use crate::release::Desk;

/// That the config is wrong, or right again, is said so often, until it is written down.
const AGAIN: Duration = Duration::from_secs(1);

/// Who orders a reload, and waits for what comes of it: the view of the new config, or everything that is wrong with it.
pub type Order = oneshot::Sender<Result<ConfigView, String>>;

/// Where a part has its config from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// The state directory.
    pub state: StateDir,
}

/// A socket that outlives whoever serves it.
#[derive(Debug)]
pub struct Kept(Bound);

/// What a part is built of, for the first time or anew.
#[derive(Debug)]
pub struct Ground<'a> {
    /// What the file says.
    pub config: &'a Config,
    /// Which file that was.
    pub view: &'a ConfigView,
    /// The state directory.
    pub state: &'a StateDir,
    /// Its sockets, in the order in which the part binds them.
    pub sockets: &'a [Kept],
    /// Where orders to reload are handed in.
    pub orders: &'a mpsc::Sender<Order>,
}

/// A part that can be built anew.
pub trait Renewed: Sized + Send + 'static {
    /// The settings of its listeners, by name.
    fn listeners(config: &Config) -> Vec<(&'static str, String)>;

    /// What cannot change while it runs, by name.
    fn fixed(config: &Config) -> Vec<(&'static str, String)>;

    /// Makes everything that it needs, and begins nothing.
    fn build(ground: &Ground<'_>) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// Works until `stop`, then ends in order.
    fn work(
        self,
        manager: ServiceManager,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Who is asked and told about it from outside.
    fn handle(&self) -> Handle;
}

/// A part that works, from outside.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Who tells that the config is wrong, and right again.
    pub tells: Option<Monitor>,
    /// Who knows whether a switch or deploy is under way: it is not torn from its feet.
    pub desk: Option<Desk>,
}

impl Handle {
    async fn busy(&self) -> Option<String> {
        let lease = self.desk.as_ref()?.state().await.ok()?.lease?;
        Some(format!("{}: try again when it is over", lease.under_way(clock::now())))
    }

    /// Says whether it was written down.
    async fn say(&self, trouble: Option<&str>) -> bool {
        let Some(monitor) = &self.tells else { return true };
        let said = monitor.dated(|now| monitor.config_is(trouble, now)).await;
        if let Err(error) = &said {
            tracing::error!("that the config is wrong, or right again, is not written down: {error}");
        }
        said.is_ok()
    }

    /// Says it until it is written down.
    async fn insist(&self, trouble: Option<&str>) {
        while !self.say(trouble).await {
            sleep(AGAIN).await;
        }
    }
}

impl Source {
    /// Reads the file. The directory of the day's file is relative to the state directory.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(&self) -> Result<(Config, ConfigView), ConfigError> {
        read(&self.path, self.state.path())
    }
}

/// Reads a config, for parts whose state is in this directory: it need not be there yet.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(path: &Path, state: &Path) -> Result<(Config, ConfigView), ConfigError> {
    let loaded = config::load(path, state)?;
    let hash = loaded.hash();
    let mut config = loaded.config;
    config.log.directory = config.log.directory.map(|directory| state.join(directory));
    Ok((config, ConfigView { file: path.display().to_string(), hash, loaded_at: clock::now() }))
}

impl Kept {
    async fn bind(what: &'static str, address: &str) -> anyhow::Result<(Self, SocketAddr)> {
        let (listener, address) = listen::tcp(what, address).await?;
        Ok((Self(listener.into_std()?), address))
    }

    /// Those of a part, in its order, and where each listens, by name.
    async fn all<P: Renewed>(config: &Config) -> anyhow::Result<(Vec<Self>, Vec<(&'static str, String)>)> {
        let (mut sockets, mut bound) = (Vec::new(), Vec::new());
        for (what, address) in P::listeners(config) {
            let (kept, address) = Self::bind(what, &address).await?;
            sockets.push(kept);
            bound.push((what, address.to_string()));
        }
        Ok((sockets, bound))
    }

    /// The socket, to be served.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn listener(&self) -> anyhow::Result<TcpListener> {
        Ok(TcpListener::from_std(self.0.try_clone()?)?)
    }
}

/// Runs a part until `shutdown`, through as many configs as it is given. `announce` hears where it listens.
///
/// # Errors
/// Where it cannot begin, or cannot go on. A config that is wrong ends nothing.
pub async fn run<P: Renewed>(
    (config, view): (Config, ConfigView),
    source: &Source,
    manager: ServiceManager,
    announce: impl FnOnce(&[(&'static str, String)]),
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let (sockets, bound) = Kept::all::<P>(&config).await?;
    let (orders, mut ordered) = mpsc::channel(4);
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be heard")?;
    let fixed = P::fixed(&config);
    let mut part = P::build(&Ground { config: &config, view: &view, state: &source.state, sockets: &sockets, orders: &orders }).await?;
    announce(&bound);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let handle = part.handle();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut working = tokio::spawn(part.work(manager.clone(), async move {
            // Whoever would say so is gone: that is a stop as well.
            let _ = stopped.await;
        }));
        // The part works by its config: whatever was wrong with it, before this reload or before this start, is over.
        let mut unsaid: Option<Option<String>> = Some(None);
        let next = loop {
            let saying = unsaid.clone().flatten();
            let asked = tokio::select! {
                () = &mut shutdown => break None,
                ended = &mut working => return ended.context("it broke")?,
                order = ordered.recv() => order,
                _ = hangup.recv() => None,
                () = handle.insist(saying.as_deref()), if unsaid.is_some() => {
                    unsaid = None;
                    continue;
                }
            };
            match renew::<P>(source, &fixed, &handle, (&sockets, &orders)).await {
                Ok((part, view)) => {
                    tracing::info!(file = view.file, hash = view.hash, "the config was read anew");
                    // Whoever asked is still served by the old work, which ends with its last answer.
                    answer(asked, Ok(view));
                    break Some(part);
                }
                Err(Refused { trouble, is_wrong }) => {
                    tracing::error!("the config stays as it was: {trouble}");
                    // What is wrong now counts, and not what was before it.
                    unsaid = is_wrong.then(|| Some(trouble.clone())).or(unsaid);
                    answer(asked, Err(trouble));
                }
            }
        };
        if next.is_none() {
            manager.stopping();
        }
        drop(stop);
        working.await.context("it broke")??;
        let Some(renewed) = next else { return Ok(()) };
        part = renewed;
    }
}

fn answer(asked: Option<Order>, answer: Result<ConfigView, String>) {
    // A signal waits for no answer, and whoever asked may have gone.
    let _ = asked.map(|asked| asked.send(answer));
}

/// Why everything stays as it was.
struct Refused {
    trouble: String,
    /// The config is wrong, which is to be told; otherwise it was not read.
    is_wrong: bool,
}

/// Reads the file and makes what it says; where that cannot be, nothing has changed.
async fn renew<P: Renewed>(
    source: &Source,
    fixed: &[(&'static str, String)],
    handle: &Handle,
    (sockets, orders): (&[Kept], &mpsc::Sender<Order>),
) -> Result<(P, ConfigView), Refused> {
    if let Some(trouble) = handle.busy().await {
        return Err(Refused { trouble, is_wrong: false });
    }
    let making = async {
        let (config, view) = source.read().map_err(|error| error.to_string())?;
        let moved = moved(fixed, &P::fixed(&config));
        if !moved.is_empty() {
            return Err(format!("{} cannot change while it runs: restart it", moved.join(", ")));
        }
        let ground = Ground { config: &config, view: &view, state: &source.state, sockets, orders };
        P::build(&ground).await.map(|part| (part, view)).map_err(|error| format!("{error:#}"))
    };
    making.await.map_err(|trouble| Refused { trouble, is_wrong: true })
}

/// What is not what it was.
fn moved(before: &[(&'static str, String)], now: &[(&'static str, String)]) -> Vec<&'static str> {
    before.iter().zip(now).filter(|(before, now)| before != now).map(|(before, _)| before.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_change_is_named() {
        let settings = |listen: &str| vec![("watcher.listen", listen.to_owned()), ("watcher.store", "sqlite:w.db".to_owned())];
        assert_eq!(moved(&settings("a"), &settings("a")), [""; 0]);
        assert_eq!(moved(&settings("a"), &settings("b")), ["watcher.listen"]);
    }
}
