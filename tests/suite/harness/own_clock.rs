//! A clock of a process's own, which a story sets: by the library of Debian's package `faketime`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::host::Host;

/// The library that sets a process's clock.
pub(super) const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// How far the clock of a process is ahead of the system's.
pub(crate) struct OwnClock(PathBuf);

impl OwnClock {
    /// Not ahead yet.
    pub(crate) fn new(host: &Host) -> Self {
        assert!(Path::new(LIBRARY).exists(), "{LIBRARY} is missing: install faketime, as tests/all.sh does");
        let clock = Self(host.path("clock"));
        clock.set(0);
        clock
    }

    /// The command, and whatever it starts, goes by it.
    pub(crate) fn give(&self, command: &mut Command) {
        command.env("LD_PRELOAD", LIBRARY).env("FAKETIME_TIMESTAMP_FILE", &self.0);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    }

    /// From now on it is so far ahead, or behind.
    pub(crate) fn set(&self, ahead_seconds: i64) {
        set(&self.0, ahead_seconds);
    }
}

/// It may be read at any instant: it is replaced, and never rewritten.
pub(super) fn set(clock: &Path, ahead_seconds: i64) {
    let next = clock.with_extension("next");
    std::fs::write(&next, format!("{ahead_seconds:+}\n")).expect("a file");
    std::fs::rename(next, clock).expect("the same folder");
}
