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

    /// The names of sockets that nobody takes who looks for these: of another name, or a further one of the same. Their clients would wait for
    /// ever.
    #[must_use]
    pub fn nobodys(&self, wanted: &[&str]) -> Vec<&str> {
        let passed = self.names.get(..self.sockets.len()).unwrap_or(&self.names);
        nobodys(passed, wanted)
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

fn nobodys<'a>(names: &'a [String], wanted: &[&str]) -> Vec<&'a str> {
    let (mut left, mut nobodys) = (wanted.to_vec(), Vec::new());
    for name in names {
        match left.iter().position(|wanted| wanted == name) {
            Some(place) => {
                left.swap_remove(place);
            }
            None => nobodys.push(name.as_str()),
        }
    }
    nobodys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_sockets_with_one_name_the_first_is_taken_and_of_another_name_none() {
        let names = ["live", "allswell-proxy.socket", "idle", "live"].map(str::to_owned);
        assert_eq!(nobodys(&names, &["live", "idle"]), ["allswell-proxy.socket", "live"]);
        assert_eq!(nobodys(&names[..1], &["live"]), [""; 0]);
    }
}
