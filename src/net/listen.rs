//! Binding a listener.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::passed::Passed;

/// Why a listener could not be bound, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error("{what} cannot listen on {address}: the port is in use. Stop what uses it, or set another address in the config")]
    InUse {
        /// The listener's setting.
        what: &'static str,
        /// The address.
        address: String,
    },
    /// Anything else.
    #[error("{what} cannot listen on {address}: {error}")]
    Other {
        /// The listener's setting.
        what: &'static str,
        /// The address.
        address: String,
        /// What the operating system said.
        error: io::Error,
    },
}

/// Binds a TCP listener and says where: port 0 is whatever was free.
///
/// # Errors
/// Says which setting is concerned.
pub async fn tcp(what: &'static str, address: &str) -> Result<(TcpListener, SocketAddr), ListenError> {
    let explain = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { what, address: address.to_owned() },
        _ => ListenError::Other { what, address: address.to_owned(), error },
    };
    let listener = TcpListener::bind(address).await.map_err(explain)?;
    let bound = listener.local_addr().map_err(explain)?;
    Ok((listener, bound))
}

/// The listener that systemd has opened under this name, or a new one.
///
/// # Errors
/// As [`tcp`].
pub async fn passed_or_tcp(
    passed: &mut Passed,
    name: &str,
    what: &'static str,
    address: &str,
) -> Result<(TcpListener, SocketAddr), ListenError> {
    let explain = |error| ListenError::Other { what, address: format!("systemd's socket {name}"), error };
    let Some(listener) = passed.take(name).map_err(explain)? else { return tcp(what, address).await };
    listener.set_nonblocking(true).map_err(explain)?;
    let bound = listener.local_addr().map_err(explain)?;
    Ok((TcpListener::from_std(listener).map_err(explain)?, bound))
}

/// Binds a Unix socket with mode 0600, in the place of one that nobody listens on any more.
///
/// # Errors
/// Where somebody listens on it, or as the operating system says.
pub async fn unix(what: &'static str, path: &Path) -> Result<UnixListener, ListenError> {
    let address = path.display().to_string();
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        return Err(ListenError::InUse { what, address });
    }
    let explain = |error| ListenError::Other { what, address: address.clone(), error };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(explain(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(explain)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(explain)?;
    Ok(listener)
}

/// How many clients may be connected at a time: as many as there are descriptors, but for those that store, channels and probes need.
#[must_use]
pub fn room() -> usize {
    const OUR_OWN: u64 = 256;
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let most = u64::try_from(Semaphore::MAX_PERMITS).unwrap_or(u64::MAX);
    usize::try_from(descriptors.saturating_sub(OUR_OWN).max(descriptors / 2).min(most)).unwrap_or(usize::MAX)
}

/// How many clients a proxy takes at a time, where `wanted` are: a quarter of all descriptors is left for connections to the app, and for our
/// own. First as many are taken as the system lets us have: the usual limit is for programs that wait by `select`.
#[must_use]
pub fn clients(wanted: u32) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::debug!(%error, "the limit of file descriptors stays as it is");
    }
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = beside_the_app(descriptors, wanted);
    if room < u64::from(wanted) {
        tracing::warn!(
            "proxy.connections = {wanted} is more than {descriptors} file descriptors are enough for: further clients than {room} at a time are \
             closed at once. Raise the limit (ulimit -Hn, LimitNOFILE=), or lower proxy.connections"
        );
    }
    usize::try_from(room).unwrap_or(Semaphore::MAX_PERMITS)
}

fn beside_the_app(descriptors: u64, wanted: u32) -> u64 {
    (descriptors - descriptors / 4).min(u64::from(wanted)).max(1)
}

/// What a listener's address is called from beside it: `0.0.0.0:8000` is found at `127.0.0.1:8000`.
#[must_use]
pub fn beside(listen: &str) -> String {
    let Ok(address) = listen.parse::<SocketAddr>() else { return listen.to_owned() };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_a_quarter_of_all_descriptors_for_the_app() {
        assert_eq!((beside_the_app(1_024, 10_000), beside_the_app(20_000, 10_000)), (768, 10_000));
        assert_eq!((beside_the_app(0, 10_000), beside_the_app(u64::MAX, u32::MAX)), (1, u64::from(u32::MAX)));
    }

    #[test]
    fn a_listener_on_every_address_is_found_on_loopback() {
        assert_eq!(beside("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(beside("[::]:8000"), "[::1]:8000");
        assert_eq!(beside("127.9.9.9:8000"), "127.9.9.9:8000");
        assert_eq!(beside("shop.internal:80"), "shop.internal:80");
    }
}
