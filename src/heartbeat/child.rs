//! The wrapper around a container's command, which works as process 1 too: it forwards signals, and reaps whatever ends.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, set_child_subreaper, wait};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::daemon::{Daemon, Farewell};

/// What is forwarded, with the names that people know.
const FORWARDED: [(Signal, &str); 8] = [
    (Signal::TERM, "SIGTERM"),
    (Signal::INT, "SIGINT"),
    (Signal::QUIT, "SIGQUIT"),
    (Signal::HUP, "SIGHUP"),
    (Signal::USR1, "SIGUSR1"),
    (Signal::USR2, "SIGUSR2"),
    (Signal::WINCH, "SIGWINCH"),
    (Signal::CONT, "SIGCONT"),
];

/// The command was not started.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be started: {error}", command.display())]
pub struct CannotStart {
    command: OsString,
    error: io::Error,
}

impl CannotStart {
    /// The exit code by which shells say it: 127 not found, 126 not executable.
    #[must_use]
    pub fn code(&self) -> u8 {
        if self.error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
    }
}

/// Runs a command under the heartbeat and gives its exit code, 128 + n where signal n ended it.
/// Watchers hear *bye* where it ended well or was asked to, and *fail* where it crashed or could not be started.
///
/// # Errors
/// Where the command cannot be started.
pub async fn run_command(daemon: Daemon, command: &[OsString]) -> Result<u8, CannotStart> {
    let started = Child::start(command);
    let mut code = Ok(0);
    let farewell = async {
        match started {
            Ok(mut child) => {
                let (ended, farewell) = child.end().await;
                code = Ok(ended);
                farewell
            }
            Err(error) => {
                let farewell = Farewell::Exited(error.to_string());
                code = Err(error);
                farewell
            }
        }
    };
    daemon.run(farewell).await;
    code
}

struct Child {
    pid: Pid,
    deaths: tokio::signal::unix::Signal,
    orders: mpsc::Receiver<Signal>,
    forwarded: Vec<Signal>,
}

impl Child {
    /// Listens first and starts then: no signal and no death is missed.
    fn start(command: &[OsString]) -> Result<Self, CannotStart> {
        let (program, arguments) = command.split_first().map_or((OsString::new(), &[][..]), |(program, rest)| (program.clone(), rest));
        let cannot = |error| CannotStart { command: program.clone(), error };
        let deaths = signal(SignalKind::child()).map_err(cannot)?;
        let orders = listen().map_err(cannot)?;
        // What our child leaves behind comes to us and not to process 1, which may not reap it.
        if let Err(error) = set_child_subreaper(Some(getpid())) {
            tracing::warn!("orphans are left to process 1: {error}");
        }
        let child = Command::new(&program).args(arguments).spawn().map_err(cannot)?;
        Ok(Self { pid: Pid::from_child(&child), deaths, orders, forwarded: Vec::new() })
    }

    /// Forwards and reaps until the child has ended.
    async fn end(&mut self) -> (u8, Farewell) {
        loop {
            if let Some(status) = reap(self.pid) {
                return (code(status), self.farewell(status));
            }
            tokio::select! {
                _ = self.deaths.recv() => {}
                Some(order) = self.orders.recv() => self.forward(order),
            }
        }
    }

    fn forward(&mut self, order: Signal) {
        // A terminal sends these to our child as well; twice means something else to many programs.
        let is_from_terminal = [Signal::INT, Signal::QUIT, Signal::WINCH].contains(&order) && io::stdin().is_terminal();
        self.forwarded.push(order);
        if !is_from_terminal && let Err(error) = kill_process(self.pid, order) {
            tracing::warn!("{} was not forwarded: {error}", name(order));
        }
    }

    /// Ended well, or when it had been asked to, or by the very signal that was forwarded: *bye*. Otherwise: a crash.
    fn farewell(&self, status: WaitStatus) -> Farewell {
        let asked = self
            .forwarded
            .iter()
            .find(|order| [Signal::TERM, Signal::INT, Signal::QUIT].contains(order) || status.terminating_signal() == Some(order.as_raw()));
        match asked {
            Some(order) => Farewell::Bye(format!("asked to end by {}: {}", name(*order), words(status))),
            None if status.exit_status() == Some(0) => Farewell::Bye(words(status)),
            None => Farewell::Exited(words(status)),
        }
    }
}

/// Every signal that is forwarded, one after the other.
fn listen() -> io::Result<mpsc::Receiver<Signal>> {
    let (orders, received) = mpsc::channel(16);
    for (order, _) in FORWARDED {
        let mut stream = signal(SignalKind::from_raw(order.as_raw()))?;
        let orders = orders.clone();
        tokio::spawn(async move { while stream.recv().await.is_some() && orders.send(order).await.is_ok() {} });
    }
    Ok(received)
}

/// Reaps all that has ended, and says how `child` did if it is among it.
fn reap(child: Pid) -> Option<WaitStatus> {
    let mut ended = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == child {
            ended = Some(status);
        }
    }
    ended
}

fn code(status: WaitStatus) -> u8 {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

fn words(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("ended with code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn name(signal: Signal) -> &'static str {
    FORWARDED.iter().find(|(known, _)| *known == signal).map_or("a signal", |(_, name)| name)
}
