//! A loopback address of the test's own: no two tests meet on a port, however many run at once.

use std::collections::BTreeSet;
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

    /// The same, while no other story runs: for those that count what happens in a second. Waits until it is so.
    pub(crate) fn alone() -> Self {
        Self::within(Room::alone())
    }

    fn within(room: Room) -> Self {
        let place = Place::take();
        // 127.0.x.x is left to people. 23 bits: 16 of the process id, 7 of the place.
        let number = (std::process::id() & 0xFFFF) << 7 | place.0;
        let ip = format!("127.{}.{}.{}", 1 + (number >> 16), number >> 8 & 0xFF, number & 0xFF);
        Self { ip, directory: tempfile::tempdir().expect("a temporary directory"), _place: place, _room: room }
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
    /// The next one that is free, so that an address rests before it is used again.
    fn take() -> Self {
        let mut places = PLACES.lock().expect("nobody panics holding it");
        let (taken, last) = &mut *places;
        let place = (1..=128).map(|step| (*last + step) % 128).find(|place| taken.insert(*place)).expect("a free place");
        *last = place;
        Self(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        PLACES.lock().expect("nobody panics holding it").0.remove(&self.0);
    }
}
