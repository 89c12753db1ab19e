//! nginx's workers, as the kernel knows them: an old one says in its title that it is shutting down.

use std::path::Path;

/// The workers of a master, at one moment.
#[derive(Debug)]
pub(super) struct Workers(Vec<Worker>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Worker {
    pid: u32,
    is_leaving: bool,
}

impl Workers {
    /// Of the master whose process id this file holds; none where it cannot be read.
    pub(super) fn of(pid_file: &Path) -> Self {
        let master = std::fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse::<u32>().ok());
        Self(master.map(workers_of).unwrap_or_default())
    }

    /// How many are shutting down.
    pub(super) fn leaving(&self) -> u64 {
        self.0.iter().filter(|worker| worker.is_leaving).count() as u64
    }

    /// Whether every one of them accepts no connection any more.
    pub(super) fn have_left(&self) -> bool {
        self.0.iter().all(|worker| worker.is_leaving || worker_at(worker.pid).is_none_or(|now| now.is_leaving))
    }
}

fn workers_of(master: u32) -> Vec<Worker> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent(*pid) == Some(master)).filter_map(worker_at).collect()
}

/// The fourth field of its stat; the second, its name, may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn worker_at(pid: u32) -> Option<Worker> {
    let title = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let title = String::from_utf8_lossy(&title);
    title.starts_with("nginx: worker process").then(|| Worker { pid, is_leaving: title.contains("is shutting down") })
}
