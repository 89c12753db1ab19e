//! `allswell-heartbeat`, and `allswell heartbeat`: the same.

use std::ffi::OsString;
use std::future::pending;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use super::outlets::OutletArguments;
use super::version::version;
use super::words::Words;
use crate::domain::beat::BeatKind;
use crate::domain::colour::Colour;
use crate::domain::plain::one_line;
use crate::heartbeat::{Daemon, Farewell, HeartbeatError, Outlets, Settings, Subject, Watcher, once, probe, process_ended, run_command};
use crate::settings::parse_duration;
use crate::signing::Key;
use crate::telemetry::logging;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// So many names at most are looked up at a time.
const LOOKUPS: usize = 64;

/// What the heartbeat understands.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    sender: SenderArguments,
    #[command(flatten)]
    work: WorkArguments,
    #[command(flatten)]
    outlets: OutletArguments,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Args)]
struct SenderArguments {
    /// Who is to hear the beats, separated by commas
    #[arg(long, global = true, env = "ALLSWELL_WATCHERS", value_name = "URL,..", value_delimiter = ',', hide_env_values = true)]
    watchers: Vec<Words>,
    /// The file of the key that signs beats; or the key itself in ALLSWELL_BEAT_KEY
    #[arg(long, global = true, env = "ALLSWELL_BEAT_KEY_FILE", value_name = "FILE")]
    beat_key_file: Option<PathBuf>,
    /// The check that the beats are for
    #[arg(long, global = true, env = "ALLSWELL_CHECK", value_name = "NAME")]
    check: Option<String>,
    /// Which replica this is. Default: the host's name
    #[arg(long, global = true, env = "ALLSWELL_INSTANCE", value_name = "NAME")]
    instance: Option<String>,
    /// The app's name, in messages of the heartbeat's own
    #[arg(long, global = true, env = "ALLSWELL_APP", value_name = "NAME", default_value = "app")]
    app: String,
    /// The app's colour
    #[arg(long, global = true, env = "ALLSWELL_COLOUR", value_name = "blue|green")]
    colour: Option<Colour>,
    /// The app's version
    #[arg(long, global = true, env = "ALLSWELL_VERSION", value_name = "VERSION")]
    app_version: Option<String>,
}

#[derive(Debug, Args)]
struct WorkArguments {
    /// How often it beats
    #[arg(long, global = true, env = "ALLSWELL_EVERY", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    every: Duration,
    /// The app's health URL: a beat is the last step of a request to it
    #[arg(long, global = true, env = "ALLSWELL_HEALTH", value_name = "URL", hide_env_values = true, conflicts_with = "no_health")]
    health: Option<Words>,
    /// Beat without asking the app whether it is well
    #[arg(long, global = true, env = "ALLSWELL_NO_HEALTH")]
    no_health: bool,
    /// How long an answer may take; never more than --every
    #[arg(long, global = true, env = "ALLSWELL_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    timeout: Duration,
    /// Beat beside the process of this id: fail and end when it ends
    #[arg(long, global = true, value_name = "PID")]
    watch_pid: Option<i32>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Run a command under the heartbeat, and exit with its code
    Run {
        /// The command and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Send one beat; exit 0 when a watcher stored it
    Once {
        /// What it says. Default: what the health URL shows, or success
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        /// Output worth keeping
        #[arg(long, value_name = "TEXT")]
        body: Option<String>,
    },
    /// Ask a URL once, for a container's health check: exit 0 when it answers 2xx in time, 1 when not, 2 on wrong usage
    Probe {
        /// The URL
        url: Words,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Start,
    Success,
    Fail,
    Log,
}

impl From<Kind> for BeatKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Start => Self::Start,
            Kind::Success => Self::Success,
            Kind::Fail => Self::Fail,
            Kind::Log => Self::Log,
        }
    }
}

#[derive(Parser)]
#[command(
    name = "allswell-heartbeat",
    version = version(),
    about = "Says all's well at an interval, to every watcher: as the last step of a health request"
)]
struct Alone {
    #[command(flatten)]
    arguments: Arguments,
}

/// The whole of `allswell-heartbeat`.
#[must_use]
pub fn main() -> ExitCode {
    run(Alone::parse().arguments)
}

/// Runs as the arguments say. Exit codes: 0 done, 1 failed, 2 wrong usage; the command's own under `run`.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    logging::init_plain();
    // One thread does: it is asleep nearly all the time. Names are looked up on others, which go again. A name server that is silent keeps each for
    // many times `--every`, and the app's own name, which asks nobody, must not wait behind the watchers' names: that would be told as the app's fault.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(LOOKUPS).thread_stack_size(256 * 1024).thread_keep_alive(Duration::from_secs(1));
    let code = match builder.build() {
        Ok(runtime) => runtime.block_on(act(arguments)),
        Err(error) => Err(anyhow::anyhow!("the runtime does not start: {error}")),
    };
    ExitCode::from(code.unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        USAGE
    }))
}

/// What is wrong with the arguments is an error; everything else is a code.
async fn act(arguments: Arguments) -> anyhow::Result<u8> {
    let Arguments { sender, work, outlets, mode } = arguments;
    match mode {
        Some(Mode::Probe { url }) => {
            crate::heartbeat::url(url.reveal()).map_err(|error| anyhow::anyhow!("the URL is {error}"))?;
            Ok(probe_once(url.reveal(), work.timeout).await)
        }
        Some(Mode::Once { kind, body }) => {
            let settings = settings(sender, &work, Outlets::default())?;
            if settings.watchers.is_empty() {
                bail!("nobody would hear it: name a watcher by --watchers or ALLSWELL_WATCHERS");
            }
            beat_once(&settings, kind.map(BeatKind::from), body.as_deref()).await
        }
        Some(Mode::Run { command }) => {
            let daemon = daemon(sender, &work, outlets)?;
            Ok(run_command(daemon, &command).await.unwrap_or_else(|error| {
                tracing::error!("{error}");
                error.code()
            }))
        }
        None => {
            if work.health.is_none() && !work.no_health && work.watch_pid.is_none() {
                bail!("a beat is the last step of a health request: give --health URL (or ALLSWELL_HEALTH), or say --no-health");
            }
            let told = told_to_end(work.watch_pid)?;
            Ok(match daemon(sender, &work, outlets)?.run(told).await {
                Farewell::Bye(_) => 0,
                Farewell::Exited(_) => FAILED,
            })
        }
    }
}

fn daemon(sender: SenderArguments, work: &WorkArguments, outlets: OutletArguments) -> anyhow::Result<Daemon> {
    let settings = settings(sender, work, outlets.read()?)?;
    if settings.watchers.is_empty() && settings.outlets.say.is_none() {
        bail!("nobody would hear it: name a watcher by --watchers or ALLSWELL_WATCHERS, or a channel by --channel and --say");
    }
    Daemon::new(settings).map_err(|error: HeartbeatError| error.into())
}

fn settings(sender: SenderArguments, work: &WorkArguments, outlets: Outlets) -> anyhow::Result<Settings> {
    let check = sender.check.clone().context("for which check? Name it by --check or ALLSWELL_CHECK")?;
    let health = work
        .health
        .as_ref()
        .map(|words| crate::heartbeat::url(words.reveal()).map_err(|error| anyhow::anyhow!("--health is {error}")))
        .transpose()?;
    let watcher = |words: &Words| Watcher::parse(words.reveal()).map_err(|error| anyhow::anyhow!("one of --watchers is {error}"));
    let watchers = sender.watchers.iter().filter(|words| !words.reveal().is_empty()).map(watcher).collect::<anyhow::Result<_>>()?;
    Ok(Settings {
        key: key(&sender)?,
        subject: Subject {
            app: sender.app,
            check,
            instance: sender.instance.unwrap_or_else(host_name),
            colour: sender.colour,
            version: sender.app_version,
        },
        watchers,
        every: work.every,
        timeout: work.timeout.min(work.every),
        health,
        outlets,
    })
}

/// The key from its file or from the environment; where there is no watcher, none is needed.
fn key(sender: &SenderArguments) -> anyhow::Result<Key> {
    let text = match &sender.beat_key_file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("the beat key's file {} cannot be read", path.display()))?,
        None => std::env::var("ALLSWELL_BEAT_KEY").unwrap_or_default(),
    };
    let text = text.trim();
    if text.is_empty() && !sender.watchers.is_empty() {
        bail!("beats are signed: give the watchers' key by --beat-key-file FILE or ALLSWELL_BEAT_KEY");
    }
    Ok(Key::new(text))
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The first SIGTERM or SIGINT, or the end of the process beside us.
fn told_to_end(watch_pid: Option<i32>) -> anyhow::Result<impl Future<Output = Farewell>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let beside = watch_pid.map(process_ended).transpose().context("--watch-pid cannot be watched")?;
    Ok(async move {
        let ended = async {
            match beside {
                Some(beside) => beside.await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => Farewell::Bye("asked to end by SIGTERM".to_owned()),
            _ = interrupt.recv() => Farewell::Bye("asked to end by SIGINT".to_owned()),
            () = ended => Farewell::Exited(format!("process {} ended", watch_pid.unwrap_or_default())),
        }
    })
}

#[expect(clippy::print_stdout, reason = "a container's health check keeps what is printed")]
async fn probe_once(url: &str, limit: Duration) -> u8 {
    match probe(url, limit).await {
        Ok(_) => 0,
        Err(why) => {
            println!("{}", one_line(&why));
            FAILED
        }
    }
}

async fn beat_once(settings: &Settings, kind: Option<BeatKind>, body: Option<&str>) -> anyhow::Result<u8> {
    let answers = once(settings, kind, body).await?;
    for (watcher, answer) in settings.watchers.iter().zip(&answers) {
        if let Err(why) = answer {
            tracing::warn!(watcher = watcher.name, "did not store it: {why}");
        }
    }
    Ok(if answers.iter().any(Result::is_ok) { 0 } else { FAILED })
}
