//! nginx's workers, as the kernel knows them: an old one says in its title that it is shutting down. A master waits for signals when it has
//! done all that it was told.

use std::path::Path;

/// The workers of a master, at one moment.
#[derive(Debug)]
pub(super) struct Workers {
    master: u32,
    all: Vec<Worker>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Worker {
    pid: u32,
    is_leaving: bool,
}

impl Workers {
    /// Of the master whose process id this file holds.
    ///
    /// # Errors
    /// Why they are not known, and what to look at: none that is seen is not none that is there.
    pub(super) fn of(pid_file: &Path) -> Result<Self, String> {
        const FILE: &str = "It has to be the file that nginx's own config names with pid, and open to the prober's user";
        let file = format!("{} (proxy.pid)", pid_file.display());
        let text = std::fs::read_to_string(pid_file).map_err(|error| format!("{file} cannot be read: {error}. {FILE}"))?;
        let master = text.trim().parse::<u32>().map_err(|_| format!("{file} holds no process id. {FILE}"))?;
        let all = workers_of(master).map_err(|error| format!("nginx's workers are not known, for /proc cannot be read: {error}"))?;
        if all.is_empty() {
            let unseen = "no worker of nginx is seen under it: nginx is down, or its processes are hidden from the prober";
            return Err(format!("{file} names process {master}, and {unseen}. {FILE}"));
        }
        Ok(Self { master, all })
    }

    /// How many are shutting down.
    pub(super) fn leaving(&self) -> u64 {
        self.all.iter().filter(|worker| worker.is_leaving).count() as u64
    }

    /// Whether every one of them accepts no connection any more.
    pub(super) fn have_left(&self) -> bool {
        self.all.iter().all(|worker| worker.is_leaving || worker_at(worker.pid).is_none_or(|now| now.is_leaving))
    }

    /// Whether there is none that was not there before: no config was loaded since.
    pub(super) fn were_among(&self, before: &Self) -> bool {
        self.all.iter().all(|worker| before.all.iter().any(|earlier| earlier.pid == worker.pid))
    }

    /// Whether their master has done all that it was told.
    pub(super) fn master_rests(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/status", self.master)).is_ok_and(|status| rests(&status))
    }
}

/// nginx's master blocks its signals while it is at anything, and waits with none of them blocked.
fn rests(status: &str) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let is_empty = |name| field(name).is_some_and(|set| set.chars().all(|digit| digit == '0'));
    field("State").is_some_and(|state| state.starts_with('S')) && ["SigPnd", "ShdPnd", "SigBlk"].into_iter().all(is_empty)
}

fn workers_of(master: u32) -> std::io::Result<Vec<Worker>> {
    let entries = std::fs::read_dir("/proc")?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    Ok(pids.filter(|pid| parent(*pid) == Some(master)).filter_map(worker_at).collect())
}

/// The fourth field of its stat; the second, its name, may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// One that was just started has its master's title for a moment.
fn worker_at(pid: u32) -> Option<Worker> {
    let title = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let title = String::from_utf8_lossy(&title);
    let is_worker = ["nginx: worker process", "nginx: master process"].iter().any(|begin| title.starts_with(begin));
    is_worker.then(|| Worker { pid, is_leaving: title.contains("is shutting down") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_are_not_seen_are_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nginx.pid");
        let why = || Workers::of(&file).unwrap_err();
        assert!(why().contains("nginx.pid (proxy.pid) cannot be read: "), "{}", why());
        std::fs::write(&file, "\n").unwrap();
        assert!(why().contains("holds no process id"), "{}", why());
        // Ours, which has no worker of nginx's.
        std::fs::write(&file, std::process::id().to_string()).unwrap();
        assert!(why().contains("no worker of nginx is seen under it"), "{}", why());
    }

    #[test]
    fn one_that_came_later_was_not_there_before() {
        let workers = |pids: &[u32]| Workers { master: 1, all: pids.iter().map(|pid| Worker { pid: *pid, is_leaving: false }).collect() };
        assert!(workers(&[2, 3]).were_among(&workers(&[2, 3])));
        assert!(workers(&[3]).were_among(&workers(&[2, 3])), "one has ended");
        assert!(!workers(&[2, 3, 4]).were_among(&workers(&[2, 3])));
    }

    /// As a master of nginx 1.22 shows itself: at rest, with a reload that waits for it, at the reload, and stopped.
    #[test]
    fn a_master_rests_when_it_waits_and_nothing_waits_for_it() {
        let status = |state: &str, pending: &str, blocked: &str| {
            format!("Name:\tnginx\nState:\t{state}\nSigPnd:\t0000000000000000\nShdPnd:\t{pending}\nSigBlk:\t{blocked}\nSigIgn:\t0\n")
        };
        let (none, reload, all) = ("0000000000000000", "0000000000000001", "0000000018016a07");
        assert!(rests(&status("S (sleeping)", none, none)));
        for (state, pending, blocked) in [
            ("R (running)", reload, none),
            ("S (sleeping)", reload, none),
            ("S (sleeping)", none, all),
            ("R (running)", none, reload),
            ("T (stopped)", none, none),
        ] {
            assert!(!rests(&status(state, pending, blocked)), "{state} {pending} {blocked}");
        }
        assert!(!rests("State:\tS (sleeping)\n"), "what it does not say is not known");
    }
}
