//! A service manager of the test's own: it listens where `NOTIFY_SOCKET` says.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use allswell::clock;

use super::Host;
use super::wait::within;

/// Hears what a part says of itself.
pub(crate) struct Superior {
    socket: UnixDatagram,
    path: std::path::PathBuf,
}

impl Superior {
    /// Listens in the host's directory.
    pub(crate) fn of(host: &Host, name: &str) -> Self {
        let path = host.path(name);
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_nonblocking(true).expect("it does not wait");
        Self { socket, path }
    }

    /// Starts `command` as a unit with this `WatchdogSec` is started.
    pub(crate) fn over<'a>(&self, command: &'a mut Command, watchdog: Duration) -> &'a mut Command {
        command.env("NOTIFY_SOCKET", &self.path).env("WATCHDOG_USEC", watchdog.as_micros().to_string())
    }

    /// Everything that was said since the last look.
    pub(crate) fn heard(&self) -> Vec<String> {
        let mut buffer = [0; 256];
        let next = || self.socket.recv(&mut buffer).ok().map(|length| String::from_utf8_lossy(&buffer[..length]).into_owned());
        std::iter::from_fn(next).collect()
    }

    /// Waits until nothing has been said for so long.
    pub(crate) async fn silent(&self, long: Duration, limit: Duration) {
        let mut last = clock::elapsed();
        within(limit, "nothing is said any more", || {
            if !self.heard().is_empty() {
                last = clock::elapsed();
            }
            let is_silent = clock::elapsed().saturating_sub(last) >= long;
            async move { is_silent.then_some(()) }
        })
        .await;
    }

    /// Waits until this is said.
    pub(crate) async fn hears(&self, limit: Duration, word: &str) {
        within(limit, word, || {
            let heard = self.heard();
            async move { heard.iter().any(|said| said == word).then_some(()) }
        })
        .await;
    }
}
