//! `allswell up`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use self::story::Story;
use super::exit::{Exit, Outcome};
use super::options::Options;
use super::role::{hangup, hung_up};
use super::screen;
use super::validate::unusable;
use crate::config;
use crate::config::demo::demo;
use crate::files;
use crate::services::up::{Taken, Up};
use crate::telemetry::logging;

mod story;

/// Run everything on this machine, and keep it running
#[derive(Debug, Clone, clap::Args)]
pub struct UpArgs {
    /// Put every listener of the demo on this address
    #[arg(long, hide = true, value_name = "IP")]
    bind: Option<String>,
}

/// Runs until Ctrl-C or `allswell stop`. Exit codes: 0 ended as told, 1 failed, 2 wrong config, 6 another `up` has the state directory.
#[must_use]
pub fn run(args: &UpArgs, options: &Options) -> ExitCode {
    logging::init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(up(args, options)),
        Err(error) => Err(Exit::Failed.because(format!("the runtime does not start: {error}"))),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            screen::note(&trouble);
            trouble.exit.into()
        }
    }
}

async fn up(args: &UpArgs, options: &Options) -> Outcome {
    let state = options.state_dir()?;
    let (path, is_demo) = config_path(args, options)?;
    let loaded = config::load(&path, &options.state)?;
    for warning in &loaded.warnings {
        screen::warn(format!("{}: {warning}", path.display()));
    }
    let unusable = unusable(&loaded.config, &options.state);
    if !unusable.is_empty() {
        let lines: Vec<String> = unusable.iter().map(|what| format!("{}: {what}", path.display())).collect();
        return Err(Exit::Usage.because(lines.join("\n")));
    }
    if !loaded.config.runtime.kind.has_supervisor() {
        return Err(Exit::Usage.because(format!(
            "{}: `allswell up` keeps processes, and runtime.kind is \"{}\": run proxy, prober and watcher by themselves, as deploy/ shows",
            path.display(),
            loaded.config.runtime.kind.as_str()
        )));
    }
    let story = Story::new(&loaded.config, &path, is_demo, state.path());
    let (first, second) = told_to_end()?;
    let (up, mut events) = Up::build(loaded.config, &path, &state).await.map_err(|error| match error.downcast_ref::<Taken>() {
        Some(taken) => Exit::Locked.because(taken.to_string()),
        None => error.into(),
    })?;
    let telling = tokio::spawn(async move {
        let mut story = story;
        story.begin();
        while let Some(event) = events.recv().await {
            story.tell(event);
        }
        story.end();
    });
    up.run(first, second).await?;
    // The last events are told before we go.
    let _ = telling.await;
    Ok(Exit::Done)
}

/// The config that was named, else `./allswell.toml`, else the demo's, written now.
fn config_path(args: &UpArgs, options: &Options) -> anyhow::Result<(PathBuf, bool)> {
    let path = options.config_path();
    let demo_path = options.demo_path();
    if options.config.is_some() || (path.exists() && path != demo_path) {
        return Ok((path, false));
    }
    let state = std::fs::canonicalize(&options.state).context("the state directory is gone")?;
    let text = demo(&state, args.bind.as_deref());
    files::replace(&demo_path, text.as_bytes()).with_context(|| format!("{} cannot be written", demo_path.display()))?;
    Ok((demo_path, true))
}

/// Resolve at the first and at the second SIGINT, SIGTERM or SIGHUP. Under `nohup` a terminal that is gone ends nothing.
fn told_to_end() -> anyhow::Result<(impl Future<Output = ()> + Send, impl Future<Output = ()> + Send)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = hangup()?;
    let (first, first_told) = oneshot::channel::<()>();
    let (second, second_told) = oneshot::channel::<()>();
    tokio::spawn(async move {
        for told in [first, second] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = hung_up(&mut hangup) => {}
            }
            // Whoever waited may have ended otherwise.
            let _ = told.send(());
        }
        std::future::pending::<()>().await;
    });
    let resolved = |told: oneshot::Receiver<()>| async move {
        let _ = told.await;
    };
    Ok((resolved(first_told), resolved(second_told)))
}
