//! Names of hosts. One name may stand for several places, and for others a moment later: a network alias of Docker, `tasks.NAME` of Swarm.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use std::{fmt, io};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustix::io::Errno;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::getent::getent;

/// Where one instance listens: an address, or the IPv4 and the IPv6 address of the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(Vec<SocketAddr>);

/// Why a name stands for no place.
#[derive(Debug, thiserror::Error)]
#[error("{host} does not resolve: {why}")]
pub struct NameError {
    host: String,
    why: String,
    #[source]
    error: Option<io::Error>,
}

impl Place {
    /// Its addresses, in the order in which they are tried.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.first().map_or(Ok(()), |address| address.fmt(f))
    }
}

/// The place that `IP:PORT` names: nobody need be asked.
#[must_use]
pub fn literal(at: &str) -> Option<Place> {
    at.parse().ok().map(|address| Place(vec![address]))
}

/// The places that `HOST:PORT` stands for now, in order; at least one. Asks the system's resolver, unless the host is an IP address.
///
/// # Errors
/// Where the name is not known, or where nobody says so within `limit`.
pub async fn resolve(at: &str, limit: Duration) -> Result<Vec<Place>, NameError> {
    if let Some(place) = literal(at) {
        return Ok(vec![place]);
    }
    let failed = |why: String, error| {
        let host = at.rsplit_once(':').map_or(at, |(host, _)| host).to_owned();
        NameError { host, why, error }
    };
    match timeout(limit, addresses(at)).await {
        Err(_) => Err(failed("no answer in time".to_owned(), None)),
        Ok(Err(error)) => Err(failed(words(&error), Some(error))),
        Ok(Ok(addresses)) => match places(addresses.into_iter()) {
            places if places.is_empty() => Err(failed("it has no address".to_owned(), None)),
            places => Ok(places),
        },
    }
}

/// Connects to whoever listens at `HOST:PORT`.
///
/// # Errors
/// Where the name is not known, and where nobody takes the connection.
pub async fn connect(at: &str) -> io::Result<TcpStream> {
    TcpStream::connect(&*addresses(at).await?).await
}

/// The addresses that `HOST:PORT` stands for now, by all services that the system names; what the C library says of it, where it stands for none.
async fn addresses(at: &str) -> io::Result<Vec<SocketAddr>> {
    let error = match lookup_host(at).await {
        Ok(found) => return Ok(found.collect()),
        Err(error) => error,
    };
    let by_others = async {
        let (host, port) = at.rsplit_once(':')?;
        Some((getent(host).await?, port.parse().ok()?))
    };
    match by_others.await {
        Some((found, port)) => Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
        None => Err(of_the_name(error)),
    }
}

/// Of a last service that it passes over, the C library in an executable says that it is busy.
fn of_the_name(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) { io::Error::other("Name or service not known") } else { error }
}

/// The resolver of the client of HTTP.
#[derive(Debug)]
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the client's.
            let found: Addrs = Box::new(addresses(&format!("{}:0", name.as_str())).await?.into_iter());
            Ok(found)
        })
    }
}

/// Without the words that every failed lookup begins with.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

/// An IPv4 and an IPv6 address are one place's two. Of several of both kinds nothing says which belong together: the IPv4 ones are taken.
fn places(addresses: impl Iterator<Item = SocketAddr>) -> Vec<Place> {
    let (four, six): (BTreeSet<SocketAddr>, BTreeSet<SocketAddr>) = addresses.partition(SocketAddr::is_ipv4);
    match (four.len(), six.len()) {
        (1, 1) => vec![Place(four.into_iter().chain(six).collect())],
        (0, _) => six.into_iter().map(|address| Place(vec![address])).collect(),
        _ => four.into_iter().map(|address| Place(vec![address])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn of(addresses: &[&str]) -> Vec<Vec<String>> {
        let places = places(addresses.iter().map(|address| address.parse().unwrap()));
        places.iter().map(|place| place.addresses().iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn each_address_is_a_place_but_one_of_each_kind_are_the_same() {
        assert_eq!(of(&["10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80"]), [["10.0.0.1:80"], ["10.0.0.2:80"]]);
        assert_eq!(of(&["[::1]:80", "127.0.0.1:80"]), [["127.0.0.1:80", "[::1]:80"]]);
        assert_eq!(of(&["[fd00::2]:80", "[fd00::1]:80"]), [["[fd00::1]:80"], ["[fd00::2]:80"]]);
        assert_eq!(of(&["[fd00::2]:80", "10.0.0.1:80", "[fd00::1]:80", "10.0.0.2:80"]), [["10.0.0.1:80"], ["10.0.0.2:80"]]);
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up_and_a_name_is() {
        for at in ["127.0.0.1:80", "[::1]:80"] {
            let places = resolve(at, Duration::ZERO).await.unwrap();
            assert_eq!(places.iter().map(ToString::to_string).collect::<Vec<_>>(), [at]);
        }
        let places = resolve("localhost:80", LIMIT).await.unwrap();
        assert_eq!(places.len(), 1, "one host, however many kinds of address it has: {places:?}");
        assert!(places[0].addresses().iter().all(|address| address.ip().is_loopback() && address.port() == 80));
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_is_told_by_its_name() {
        let error = resolve("no-such-host.invalid:80", LIMIT).await.unwrap_err().to_string();
        assert!(error.starts_with("no-such-host.invalid does not resolve: ") && !error.contains("lookup address information"), "{error}");
    }
}
