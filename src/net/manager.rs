//! The service manager that started us, if it wants to hear of us: systemd's notification protocol, `sd_notify(3)`.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// A manager that takes nothing holds us up no longer than this.
const PATIENCE: Duration = Duration::from_millis(500);

/// Who started us, or nobody. There is no timer in here: each word is said by the work that it vouches for.
#[derive(Debug, Clone, Default)]
pub struct ServiceManager(Option<Arc<Line>>);

#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that `NOTIFY_SOCKET` names; nobody where it names none, or one that cannot be used.
    #[must_use]
    pub fn of_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Self::default() };
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        // Meant for another process, where it names one.
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| is_ours).map(Duration::from_micros);
        match Line::new(&name, watchdog) {
            Ok(line) => Self(Some(Arc::new(line))),
            Err(error) => {
                tracing::warn!("the service manager's socket {} (NOTIFY_SOCKET) cannot be used: {error}", name.display());
                Self::default()
            }
        }
    }

    /// Within how long it wants to hear that we are alive, if it does.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.0.as_ref()?.watchdog
    }

    /// Everything is bound, and whoever comes is served.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// Real work was done just now.
    pub fn alive(&self) {
        if self.watchdog().is_some() {
            self.say("WATCHDOG=1");
        }
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    fn say(&self, words: &str) {
        let Some(line) = &self.0 else { return };
        if let Err(error) = line.socket.send_to_addr(words.as_bytes(), &line.address) {
            tracing::warn!(%error, words, "the service manager does not hear us");
        }
    }
}

impl Line {
    fn new(name: &OsString, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, address, watchdog })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_manager_hears_by_a_path_and_by_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("allswell-test-{}", std::process::id());
        let by_path = (UnixDatagram::bind(&path).unwrap(), path.into_os_string());
        let by_name = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let by_name = (UnixDatagram::bind_addr(&by_name).unwrap(), OsString::from(format!("@{abstract_name}")));
        for (socket, name) in [by_path, by_name] {
            let manager = ServiceManager(Some(Arc::new(Line::new(&name, Some(PATIENCE)).unwrap())));
            manager.ready();
            manager.alive();
            manager.stopping();
            assert_eq!([heard(&socket), heard(&socket), heard(&socket)], ["READY=1", "WATCHDOG=1", "STOPPING=1"]);
        }
    }

    #[test]
    fn who_wants_no_watchdog_hears_none_and_nobody_hears_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager(Some(Arc::new(Line::new(&path.into_os_string(), None).unwrap())));
        manager.alive();
        manager.stopping();
        assert_eq!(heard(&socket), "STOPPING=1");
        ServiceManager::default().ready();
    }
}
