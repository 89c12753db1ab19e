//! What it was measured on.

use std::fs;
use std::thread::available_parallelism;

/// Cores, and how busy the machine was before: the load of the last minute.
pub(crate) fn words() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!("{} cores, load {load} before", available_parallelism().map_or(1, usize::from))
}
