//! The wrapper around a container's command, which works as process 1 too: it forwards signals, and reaps whatever ends.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, set_child_subreaper, wait};
use rustix::termios::tcsetpgrp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::daemon::{Daemon, Farewell};
use crate::clock;

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

/// So long after SIGTERM or SIGINT a bad end is the one that was asked for.
const LONG_END: Duration = Duration::from_secs(300);
/// So long after SIGQUIT, which many programs outlive: Java prints its threads, and goes on.
const SHORT_END: Duration = Duration::from_secs(10);

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

/// To whom our terminal sends its signals: Ctrl-C, Ctrl-\, that it has another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terminal {
    /// There is none.
    Nowhere,
    /// To us and to our child: a shell has started us.
    Both,
    /// To our child, which has it for itself.
    Child,
}

struct Child {
    pid: Pid,
    deaths: tokio::signal::unix::Signal,
    orders: mpsc::Receiver<Signal>,
    terminal: Terminal,
    /// Each signal that was forwarded, and when it last was, in elapsed time.
    forwarded: Vec<(Signal, Duration)>,
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
        let terminal = Terminal::of_ours();
        let mut starting = Command::new(&program);
        starting.args(arguments);
        if terminal == Terminal::Child {
            starting.process_group(0);
        }
        let pid = Pid::from_child(&starting.spawn().map_err(cannot)?);
        if terminal == Terminal::Child {
            give_terminal(pid);
        }
        Ok(Self { pid, deaths, orders, terminal, forwarded: Vec::new() })
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
        let is_from_terminal = self.terminal == Terminal::Both && [Signal::INT, Signal::QUIT, Signal::WINCH].contains(&order);
        self.forwarded.retain(|(known, _)| *known != order);
        self.forwarded.push((order, clock::elapsed()));
        if !is_from_terminal && let Err(error) = kill_process(self.pid, order) {
            tracing::warn!("{} was not forwarded: {error}", name(order));
        }
    }

    /// Ended well, or when it had been asked to, or by the very signal that was forwarded: *bye*. Otherwise: a crash.
    fn farewell(&self, status: WaitStatus) -> Farewell {
        let (code, signal) = (status.exit_status(), status.terminating_signal());
        match asked(&self.forwarded, code, signal, clock::elapsed()) {
            Some(order) => Farewell::Bye(format!("asked to end by {}: {}", name(order), words(status))),
            None if code == Some(0) => Farewell::Bye(words(status)),
            // Of what its own terminal sends it, nobody tells us.
            None if self.terminal == Terminal::Child && is_by_key(code, signal) => {
                Farewell::Bye(format!("asked to end at its terminal: {}", words(status)))
            }
            None => Farewell::Exited(words(status)),
        }
    }
}

impl Terminal {
    /// In a container nothing tells a terminal's Ctrl-C from a `docker stop` that sends SIGINT or SIGQUIT. So there the command is given the terminal,
    /// in a group of its own, and what comes to us is for it.
    fn of_ours() -> Self {
        match (io::stdin().is_terminal(), getpid().is_init()) {
            (false, _) => Self::Nowhere,
            (true, false) => Self::Both,
            (true, true) => Self::Child,
        }
    }
}

fn give_terminal(command: Pid) {
    if let Err(error) = tcsetpgrp(io::stdin(), command) {
        tracing::warn!("the command does not get the terminal: {error}");
    }
    // Where it wanted to read before it had the terminal, it was stopped. It may have ended, too.
    let _ = kill_process(command, Signal::CONT);
}

/// The order that a command ended by: that very signal; or an order to end, where it says so by its code (128 + n) or was asked just before.
/// What was asked long ago was outlived, and excuses no crash.
fn asked(forwarded: &[(Signal, Duration)], code: Option<i32>, signal: Option<i32>, now: Duration) -> Option<Signal> {
    let is_by = |order: Signal, at: Duration| match time_to_end(order) {
        Some(time) => says(order, code, signal) || now.saturating_sub(at) <= time,
        None => signal == Some(order.as_raw()),
    };
    forwarded.iter().find(|(order, at)| is_by(*order, *at)).map(|(order, _)| *order)
}

/// Whether a command has ended by Ctrl-C or Ctrl-\.
fn is_by_key(code: Option<i32>, signal: Option<i32>) -> bool {
    says(Signal::INT, code, signal) || says(Signal::QUIT, code, signal)
}

/// Whether its end says that it was by this signal: as 128 + n where the command has caught it.
fn says(order: Signal, code: Option<i32>, signal: Option<i32>) -> bool {
    signal == Some(order.as_raw()) || code == Some(128 + order.as_raw())
}

/// For how long an order is one to end. None: it never is.
fn time_to_end(order: Signal) -> Option<Duration> {
    if [Signal::TERM, Signal::INT].contains(&order) { Some(LONG_END) } else { (order == Signal::QUIT).then_some(SHORT_END) }
}

/// Every signal that is forwarded, one after the other. What we were started to ignore, as `nohup` has it with SIGHUP, our command ignores too:
/// to listen would undo that for both.
fn listen() -> io::Result<mpsc::Receiver<Signal>> {
    let (orders, received) = mpsc::channel(16);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (order, _) in FORWARDED.into_iter().filter(|(order, _)| !is_ignored(&status, *order)) {
        let mut stream = signal(SignalKind::from_raw(order.as_raw()))?;
        let orders = orders.clone();
        tokio::spawn(async move { while stream.recv().await.is_some() && orders.send(order).await.is_ok() {} });
    }
    Ok(received)
}

/// Whether a process ignores a signal, by its `/proc/PID/status`.
#[must_use]
pub fn is_ignored(status: &str, signal: Signal) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    (mask >> (signal.as_raw() - 1)) & 1 == 1
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_was_outlived_excuses_no_crash() {
        let after = |order: Signal, seconds: u64, code: Option<i32>, signal: Option<i32>| {
            asked(&[(order, Duration::from_secs(1_000))], code, signal, Duration::from_secs(1_000 + seconds))
        };
        assert_eq!(after(Signal::QUIT, 5, Some(1), None), Some(Signal::QUIT), "it ends as it was asked to");
        assert_eq!(after(Signal::QUIT, 3_600, Some(1), None), None, "it has printed its threads, and crashed an hour later");
        assert_eq!(after(Signal::QUIT, 3_600, None, Some(Signal::KILL.as_raw())), None);
        assert_eq!(after(Signal::QUIT, 3_600, None, Some(Signal::QUIT.as_raw())), Some(Signal::QUIT), "by that very signal");
        assert_eq!(after(Signal::TERM, 200, Some(7), None), Some(Signal::TERM), "what it was at took so long");
        assert_eq!(after(Signal::TERM, 3_600, Some(143), None), Some(Signal::TERM), "and it says that this was why");
        assert_eq!(after(Signal::TERM, 3_600, Some(7), None), None);
        assert_eq!(after(Signal::HUP, 0, Some(1), None), None, "to read a config anew is no order to end");
        assert_eq!(after(Signal::HUP, 0, None, Some(Signal::HUP.as_raw())), Some(Signal::HUP));
    }

    #[test]
    fn ctrl_c_at_the_command_s_own_terminal_is_no_crash() {
        assert!(is_by_key(None, Some(Signal::INT.as_raw())) && is_by_key(Some(130), None) && is_by_key(Some(131), None));
        assert!(!is_by_key(None, Some(Signal::SEGV.as_raw())) && !is_by_key(Some(1), None) && !is_by_key(None, None));
    }

    #[test]
    fn what_a_process_ignores_is_known_by_its_bits() {
        let status = |mask: &str| format!("Name:\tallswell\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0000000000000001\n");
        assert!(is_ignored(&status("0000000000001001"), Signal::HUP));
        assert!(is_ignored(&status("0000000000001001"), Signal::PIPE));
        assert!(!is_ignored(&status("0000000000001000"), Signal::HUP));
        assert!(!is_ignored("", Signal::HUP));
    }
}
