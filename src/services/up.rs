//! The wiring of `up`: everything on one machine, each part a process of its own, and one supervisor.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use self::alarms::Alarms;
use self::control::Order;
use self::event::Events;
use self::health::LastPass;
use self::lock::Lock;
use self::plan::{Duty, Plan};
use self::supervisor::Supervisor;
use self::versions::Versions;
use super::beat_key::beat_key;
use crate::clock;
use crate::config::Config;
use crate::files::{self, StateDir};
use crate::net::listen;
use crate::signing::Key;

mod alarms;
mod backoff;
mod control;
mod event;
mod health;
mod kept;
mod lock;
mod look;
mod news;
mod plan;
mod supervisor;
mod teller;
mod versions;

pub use event::Event;
pub use lock::Taken;

/// A process of an earlier `up` is no child of ours: its end is seen by looking.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often is looked while everything ends.
const END_LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long prober and heartbeats wait for what they look at. Then they start all the same: what never comes up must be told.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// An `up` that has its state directory to itself, and has found what an earlier one left running.
#[derive(Debug)]
pub struct Up {
    supervisor: Supervisor,
    alarms: Alarms,
    events: Events,
    config: Config,
    key: Key,
    socket: PathBuf,
    listener: UnixListener,
    health: Option<TcpListener>,
    _lock: Lock,
}

impl Up {
    /// Takes the state directory, makes its keys and binds the control socket. Starts nothing yet. What happens is said to the receiver.
    ///
    /// # Errors
    /// [`Taken`] where another `up` has the state directory; else says what cannot be used.
    pub async fn build(config: Config, config_path: &Path, state: &StateDir) -> anyhow::Result<(Self, UnboundedReceiver<Event>)> {
        let lock = Lock::take(state)?;
        for folder in [state.processes(), state.instances()] {
            files::make_private_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        make_tokens(&config, state)?;
        let beat_key = beat_key(&config, state)?;
        let key = Key::new(&beat_key);
        let allswell = std::env::current_exe().context("our own executable cannot be found")?;
        let config_path = std::fs::canonicalize(config_path).with_context(|| format!("{} cannot be found", config_path.display()))?;
        let versions = Versions::load(&state.join("versions.json"), config.runtime.version.as_deref())?;
        let socket = state.up_socket();
        let listener = listen::unix("up's control", &socket).await?;
        let health = match &config.up.health {
            Some(address) => Some(listen::tcp("up.health", address).await?.0),
            None => None,
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        let events = Events(sender);
        let alarms = Alarms::start(&config.prober.watchers, &key, config.probe.every, &events)?;
        let plan = Plan { config: config.clone(), config_path, state: state.clone(), allswell, beat_key };
        let supervisor = Supervisor::new(plan, versions, events.clone(), clock::now());
        Ok((Self { supervisor, alarms, events, config, key, socket, listener, health, _lock: lock }, receiver))
    }

    /// Where it listens: a name and an address each, for the log and for tests.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        let health = self.health.iter().filter_map(|listener| Some(("health", listener.local_addr().ok()?.to_string())));
        std::iter::once(("control", self.socket.display().to_string())).chain(health).collect()
    }

    /// Starts everything and keeps it running until `shutdown` or an order, then ends it in order. At `hurry` what is ending is killed.
    ///
    /// # Errors
    /// Where it cannot hear of its children's ends.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send, hurry: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        let Self { mut supervisor, mut alarms, events, config, key, socket, listener, health, _lock } = self;
        let last_pass = LastPass::default();
        let own = health::own_hosts(&config.up);
        let health = health.map(|listener| tokio::spawn(health::answer(listener, own, last_pass.clone())));
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let server = tokio::spawn(control::serve(listener, orders));
        let looker = tokio::spawn(look::look(config.clone(), key, events));
        keep_running(&mut supervisor, &alarms, &config, &last_pass, &mut ordered, shutdown).await?;
        looker.abort();
        let last = supervisor.pass(clock::now());
        alarms.end(last).await;
        end_in_order(&mut supervisor, &mut ordered, hurry).await;
        close(&server, &socket);
        health.inspect(JoinHandle::abort);
        Ok(())
    }
}

/// Tokens are made before the parts start, so that no two make one each; the beat key by whoever reads it. None where the config names one.
fn make_tokens(config: &Config, state: &StateDir) -> anyhow::Result<()> {
    let named = config.watcher.token.as_ref().map(|secret| secret.reveal_if_set()).transpose().context("watcher.token")?.flatten();
    let of_watcher = named.is_none().then(|| state.watcher_token());
    for path in [state.prober_token(), state.probe_token()].into_iter().chain(of_watcher) {
        files::token(&path).with_context(|| format!("{} cannot be used", path.display()))?;
    }
    Ok(())
}

async fn keep_running(
    supervisor: &mut Supervisor,
    alarms: &Alarms,
    config: &Config,
    last_pass: &LastPass,
    ordered: &mut UnboundedReceiver<Order>,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let mut child_ended = signal(SignalKind::child())?;
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looked_at = look::looked_at(config);
    let first_look = timeout(FIRST_LOOK, look::all_accept(&looked_at));
    let mut last_ones_too = false;
    tokio::pin!(shutdown, first_look);
    loop {
        follow_clock(supervisor);
        let now = clock::now();
        supervisor.step(now, last_ones_too);
        supervisor.beat(now, alarms);
        last_pass.passed(now, &supervisor.state());
        tokio::select! {
            _ = look.tick() => {}
            _ = child_ended.recv() => {}
            _ = &mut first_look, if !last_ones_too => last_ones_too = true,
            () = &mut shutdown => return Ok(()),
            order = ordered.recv() => match order {
                Some(Order::Say(answer)) => drop(answer.send(supervisor.state())),
                Some(Order::Replace(order, answer)) => supervisor.replace(order, clock::now(), answer),
                Some(Order::Stop) | None => return Ok(()),
            },
        }
    }
}

/// Goes by the system's clock where that was set: a watcher refuses what was sent by a clock that is minutes off. Here, and not where a beat is
/// made, for whatever is due is known here alone.
fn follow_clock(supervisor: &mut Supervisor) {
    if let Some(step_ms) = clock::take_step() {
        tracing::warn!(step_ms, "the system's clock has stepped");
        supervisor.clock_was_set(step_ms);
    }
}

/// Whoever looks on ends after what it looks at. What runs is still told; other orders are refused.
async fn end_in_order(supervisor: &mut Supervisor, ordered: &mut UnboundedReceiver<Order>, hurry: impl Future<Output = ()> + Send) {
    let mut in_a_hurry = false;
    tokio::pin!(hurry);
    supervisor.say_that_all_ends();
    for stage in 0..Duty::STAGES {
        supervisor.end_stage(stage, clock::now());
        while !supervisor.is_stage_over(stage) {
            follow_clock(supervisor);
            if in_a_hurry {
                supervisor.hurry(clock::now());
            }
            supervisor.watch_the_end(clock::now());
            tokio::select! {
                () = sleep(END_LOOK_EVERY) => {}
                () = &mut hurry, if !in_a_hurry => in_a_hurry = true,
                Some(Order::Say(answer)) = ordered.recv() => drop(answer.send(supervisor.state())),
            }
        }
    }
}

/// The socket's absence is what says that everything has ended.
fn close(server: &JoinHandle<()>, socket: &Path) {
    server.abort();
    // The next `up` replaces it anyway.
    let _ = std::fs::remove_file(socket);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_and_no_key_is_made_where_the_config_names_one() {
        let made = |watcher: &str| {
            let folder = tempfile::tempdir().unwrap();
            let state = StateDir::open(folder.path()).unwrap();
            let config = Config::parse(&format!("[runtime]\ncommand = \"x\"\n[watcher]\n{watcher}")).unwrap().config;
            make_tokens(&config, &state).unwrap();
            beat_key(&config, &state).unwrap();
            let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let all = ["beat.key", "probe.token", "prober.token", "watcher.token"];
        assert_eq!(made(""), all);
        assert_eq!(made("token = { env = \"ALLSWELL_TEST_NEVER_SET\" }\nbeat_key = { env = \"ALLSWELL_TEST_NEVER_SET\" }\n"), all);
        assert_eq!(made("token = \"t\"\nbeat_key = \"k\"\n"), ["probe.token", "prober.token"]);
    }
}
