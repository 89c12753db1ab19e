//! A real executable that ends with the test, by its process id.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::wait::within;

/// Kills whoever works in this folder or below it, until nobody does: `up` is outlived by what it has started, and of one
/// that it started just now it may have no record yet.
pub(crate) fn end_all_in(folder: &Path) {
    let Ok(folder) = folder.canonicalize() else { return };
    for _ in 0..2000 {
        let left = working_in(&folder);
        if left.is_empty() {
            return;
        }
        for pid in left {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    eprintln!("somebody still works in {}", folder.display());
}

/// The processes whose working directory is this one or below it.
fn working_in(folder: &Path) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside = processes.filter(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)));
    inside.filter_map(|process| process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)).collect()
}

/// A child process; what it says goes to a file. Killed when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts one of our executables: `allswell`, `allswell-heartbeat`, ... Its output goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let output = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let errors = output.try_clone().expect("the same file");
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().expect("the executable starts");
        Self { child }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there");
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// Waits until it has ended.
    pub(crate) async fn end(&mut self, limit: Duration) -> ExitStatus {
        within(limit, "the process ends", || {
            let ended = self.ended();
            async move { ended }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
