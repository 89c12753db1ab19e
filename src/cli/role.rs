//! Runs one part until it is told to end.

use std::future::pending;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::options::Options;
use super::part_probe;
use super::version::version;
use crate::config::Config;
use crate::heartbeat::is_ignored;
use crate::monitor::orders::ConfigView;
use crate::net::manager::ServiceManager;
use crate::services::prober::Prober;
use crate::services::proxy::Proxy;
use crate::services::reload::{self, Source};
use crate::services::watcher::Watcher;
use crate::telemetry::{logging, metrics};

/// The parts that run by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// In front of both colours.
    Proxy,
    /// Beside the proxy.
    Prober,
    /// Outside the cluster.
    Watcher,
}

impl Part {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Prober => "prober",
            Self::Watcher => "watcher",
        }
    }

    /// The executable that is this part alone.
    fn executable(self) -> &'static str {
        match self {
            Self::Proxy => "allswell-proxy",
            Self::Prober => "allswell-prober",
            Self::Watcher => "allswell-watcher",
        }
    }

    /// What its health listener speaks, where it listens, and the path to be asked. A proxy that runs is left alone: what it serves goes on, and
    /// the switch that cures an undefined live colour needs it.
    fn health(self, config: &Config) -> (&'static str, &str, &'static str) {
        match self {
            Self::Proxy => ("http", &config.proxy.health, "/livez"),
            Self::Prober => ("http", &config.prober.health, "/healthz"),
            Self::Watcher => (config.watcher.scheme(), &config.watcher.listen, "/healthz"),
        }
    }
}

#[derive(Debug, Parser)]
#[command(version = version(), about = "One part of allswell, by itself")]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Ask whether the part that runs with this config is well; exit 0 when it is: for a container's health check
    Probe,
}

/// The whole of an executable that is one part. Exit codes: 0 ended as told (or well, when asked), 1 failed, 2 wrong config.
#[must_use]
pub fn main(part: Part) -> ExitCode {
    let words = Arguments::command().name(part.executable()).get_matches();
    let Arguments { options, mode } = Arguments::from_arg_matches(&words).unwrap_or_else(|wrong| wrong.exit());
    match mode {
        Some(Mode::Probe) => part_probe::run(&options, |config| part.health(config)),
        None => run(part, &options),
    }
}

/// Runs a part until SIGTERM or SIGINT.
#[must_use]
pub fn run(part: Part, options: &Options) -> ExitCode {
    logging::init();
    metrics::set_build_info(part.name());
    let ended = (|| {
        let path = options.config_path();
        // A wrong config leaves nothing behind: the state directory is made afterwards.
        let read = match reload::read(&path, &options.state) {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(part = part.name(), "{error}");
                return Ok(ExitCode::from(2));
            }
        };
        let source = Source { path, state: options.state_dir()? };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime does not start")?;
        runtime.block_on(serve(part, read, &source)).map(|()| ExitCode::SUCCESS)
    })();
    match ended {
        Ok(code) => code,
        Err(error) => {
            let error: anyhow::Error = error;
            tracing::error!(part = part.name(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(part: Part, read: (Config, ConfigView), source: &Source) -> anyhow::Result<()> {
    let (manager, shutdown) = (ServiceManager::of_environment(), terminated()?);
    // Who reads no config anew is not ended by the signal for it either.
    let _hangup = signal(SignalKind::hangup())?;
    match part {
        Part::Proxy => {
            let built = Proxy::build(&read.0, &source.state).await?;
            announce(part, &built.addresses());
            // On a thread that hears of the network itself: the one that waits here would be woken for every connection.
            tokio::spawn(built.run(manager, shutdown)).await.context("it broke")?
        }
        Part::Prober => reload::run::<Prober>(read, source, manager, |bound| announce(part, bound), shutdown).await,
        Part::Watcher => reload::run::<Watcher>(read, source, manager, |bound| announce(part, bound), shutdown).await,
    }
}

fn announce(part: Part, addresses: &[(&'static str, String)]) {
    for (name, address) in addresses {
        tracing::info!(part = part.name(), listener = name, address, "listening");
    }
}

/// Resolves at the first SIGTERM or SIGINT, which are what ends a part: at a SIGHUP it reads its config anew.
fn terminated() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves at the first SIGTERM, SIGINT or SIGHUP, for a command: one whose terminal is gone ends as at a Ctrl-C, and leaves nothing begun. Under
/// `nohup`, which has SIGHUP ignored, it goes on.
///
/// # Errors
/// Where the handlers cannot be installed.
pub fn told_to_end() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let terminated = terminated()?;
    let mut hangup = hangup()?;
    Ok(async move {
        tokio::select! {
            () = terminated => {}
            () = hung_up(&mut hangup) => {}
        }
    })
}

/// What hears SIGHUP; none where this process was started to ignore it, as under `nohup`: to listen would undo that.
///
/// # Errors
/// Where the handler cannot be installed.
pub(super) fn hangup() -> std::io::Result<Option<Signal>> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if is_ignored(&status, rustix::process::Signal::HUP) { Ok(None) } else { signal(SignalKind::hangup()).map(Some) }
}

/// Resolves at the next SIGHUP; never where it is ignored.
pub(super) async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => pending().await,
    }
}
