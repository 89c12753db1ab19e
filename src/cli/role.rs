//! Runs one part until it is told to end.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use super::options::Options;
use crate::net::manager::ServiceManager;
use crate::services::prober::Prober;
use crate::services::proxy::Proxy;
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
}

#[derive(Debug, Parser)]
#[command(version, about = "One part of allswell, by itself")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// The whole of an executable that is one part. Exit codes: 0 ended as told, 1 failed, 2 wrong config.
#[must_use]
pub fn main(part: Part) -> ExitCode {
    run(part, &Arguments::parse().options)
}

/// Runs a part until SIGTERM or SIGINT.
#[must_use]
pub fn run(part: Part, options: &Options) -> ExitCode {
    logging::init();
    metrics::set_build_info(part.name());
    let loaded = match options.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!(part = part.name(), "{error}");
            return ExitCode::from(2);
        }
    };
    let mut config = loaded.config;
    let ended = (|| {
        let state = options.state_dir()?;
        config.log.directory = config.log.directory.map(|directory| state.join(directory));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime does not start")?;
        runtime.block_on(serve(part, &config, &state))
    })();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(part = part.name(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(part: Part, config: &crate::config::Config, state: &crate::files::StateDir) -> anyhow::Result<()> {
    let (manager, shutdown) = (ServiceManager::of_environment(), told_to_end()?);
    match part {
        Part::Proxy => {
            let built = Proxy::build(config, state).await?;
            announce(part, &built.addresses());
            built.run(manager, shutdown).await
        }
        Part::Prober => {
            let built = Prober::build(config, state).await?;
            announce(part, &built.addresses());
            built.run(manager, shutdown).await
        }
        Part::Watcher => {
            let built = Watcher::build(config, state).await?;
            announce(part, &built.addresses());
            built.run(manager, shutdown).await
        }
    }
}

fn announce(part: Part, addresses: &[(&'static str, String)]) {
    for (name, address) in addresses {
        tracing::info!(part = part.name(), listener = name, address, "listening");
    }
}

/// Resolves at the first SIGTERM or SIGINT.
///
/// # Errors
/// Where the handlers cannot be installed.
pub fn told_to_end() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
