//! Listeners that systemd has opened for us (`sd_listen_fds(3)`): they outlive a restart, and may be on ports that we could not open.

use std::net::TcpListener;

use listenfd::ListenFd;

/// What was passed, by the names of its `FileDescriptorName=`.
pub struct Passed {
    sockets: ListenFd,
    names: Vec<String>,
}

impl Passed {
    /// What the environment says.
    #[must_use]
    pub fn of_environment() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        Self { sockets: ListenFd::from_env(), names: names.split(':').map(str::to_owned).collect() }
    }

    /// The listener of this name, if one was passed.
    ///
    /// # Errors
    /// Where what was passed under the name is no TCP listener.
    pub fn take(&mut self, name: &str) -> std::io::Result<Option<TcpListener>> {
        match self.names.iter().position(|given| given == name) {
            Some(place) if place < self.sockets.len() => self.sockets.take_tcp_listener(place),
            Some(_) | None => Ok(None),
        }
    }
}
