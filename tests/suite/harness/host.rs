//! A loopback address of the test's own: no two tests meet on a port, however many run at once.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Mutex;

use tempfile::TempDir;

use super::room::Room;

/// An address in 127.0.0.0/8 and a directory. On this address every port is free.
pub(crate) struct Host {
    /// The address, without a port.
    pub(crate) ip: String,
    directory: TempDir,
    _place: Place,
    _room: Room,
}

impl Host {
    /// One that no other test has: made of the process id and a place in this process.
    pub(crate) fn new() -> Self {
        Self::within(Room::shared())
    }

    /// A host that no other test has, while no other story runs: for those that count what happens in a second. Waits until it is so.
    pub(crate) fn alone() -> Self {
        Self::within(Room::alone())
    }

    fn within(room: Room) -> Self {
        let place = Place::take();
        Self { ip: place.address().to_string(), directory: tempfile::tempdir().expect("a temporary directory"), _place: place, _room: room }
    }

    /// `IP:PORT`.
    pub(crate) fn at(&self, port: u16) -> String {
        format!("{}:{port}", self.ip)
    }

    /// A path in the test's directory.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }
}

/// One of this process's 128 addresses, until it is dropped.
struct Place(u32);

/// The places that are taken, and the one that was taken last.
static PLACES: Mutex<(BTreeSet<u32>, u32)> = Mutex::new((BTreeSet::new(), 0));

impl Place {
    /// The next one that is free, so that an address rests before it is used again; and at which nothing is left listening:
    /// of a story that was killed itself, say.
    fn take() -> Self {
        let listening = listening();
        let mut places = PLACES.lock().expect("nobody panics holding it");
        let (taken, last) = &mut *places;
        let quiet = |place: &u32| !listening.contains(&address(*place)) && taken.insert(*place);
        let place = (1..=128).map(|step| (*last + step) % 128).find(quiet).expect("a free place");
        *last = place;
        Self(place)
    }

    fn address(&self) -> Ipv4Addr {
        address(self.0)
    }
}

/// 127.0.x.x is left to people. 23 bits: 16 of the process id, 7 of the place.
fn address(place: u32) -> Ipv4Addr {
    Ipv4Addr::from((127 << 24) + (1 << 16) + ((std::process::id() & 0xFFFF) << 7 | place))
}

/// The addresses of this machine at which somebody listens.
fn listening() -> BTreeSet<Ipv4Addr> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table of sockets");
    let listens = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        // The address is the number as it lies in memory.
        let number = u32::from_str_radix(local.split_once(':')?.0, 16).ok()?;
        (state == "0A").then(|| Ipv4Addr::from(number.to_ne_bytes()))
    };
    table.lines().skip(1).filter_map(listens).collect()
}

#[test]
fn an_address_at_which_somebody_listens_is_seen() {
    let host = Host::new();
    let ip: Ipv4Addr = host.ip.parse().unwrap();
    assert!(!listening().contains(&ip));
    let _listener = std::net::TcpListener::bind((ip, 3001)).unwrap();
    assert!(listening().contains(&ip));
}

impl Drop for Place {
    fn drop(&mut self) {
        PLACES.lock().expect("nobody panics holding it").0.remove(&self.0);
    }
}
