//! A loopback address of the test's own: no two tests meet on a port, however many run at once.

use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::room::Room;

/// An address in 127.0.0.0/8 and a directory. On this address every port is free.
pub(crate) struct Host {
    /// The address, without a port.
    pub(crate) ip: String,
    directory: TempDir,
    _room: Room,
}

impl Host {
    /// One that no other test has: made of the process id and a counter.
    pub(crate) fn new() -> Self {
        Self::within(Room::shared())
    }

    /// The same, while no other story runs: for those that count what happens in a second. Waits until it is so.
    pub(crate) fn alone() -> Self {
        Self::within(Room::alone())
    }

    fn within(room: Room) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // 127.0.x.x is left to people. 24 bits: 16 of the process id, 7 of the counter.
        let number = (std::process::id() & 0xFFFF) << 7 | (count & 0x7F);
        let ip = format!("127.{}.{}.{}", 1 + (number >> 16), number >> 8 & 0xFF, number & 0xFF);
        Self { ip, directory: tempfile::tempdir().expect("a temporary directory"), _room: room }
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
