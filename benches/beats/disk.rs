//! How long the disk takes to keep something.

use std::io::Write;
use std::time::Duration;

use allswell::clock;

/// The median of a hundred: 4 kB written and synced, in the directory where the stores are.
pub(crate) fn fsync() -> Duration {
    let mut file = tempfile::tempfile().unwrap();
    let mut one = || {
        let began = clock::elapsed();
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        clock::elapsed() - began
    };
    let mut times: Vec<Duration> = (0..100).map(|_| one()).collect();
    times.sort();
    times[50]
}
