//! What a process and its children hold: memory and file descriptors.

use std::fs;

/// Memory in kB, and open files.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(crate) struct Held {
    pub(crate) resident_kb: u64,
    pub(crate) files: usize,
}

impl Held {
    /// By this process and its children.
    pub(crate) fn by(pid: u32) -> Self {
        family(pid)
            .into_iter()
            .fold(Self::default(), |all, one| Self { resident_kb: all.resident_kb + resident(one), files: all.files + files(one) })
    }
}

fn family(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = listed.split_whitespace().filter_map(|word| word.parse().ok());
    [pid].into_iter().chain(children.flat_map(family)).collect()
}

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}
