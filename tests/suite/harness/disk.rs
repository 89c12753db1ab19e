//! A small disk of its own, in a namespace that only its process sees: it can be filled, and stand still. Takes root.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Pid;

use super::host::Host;

/// So large is it, in megabytes.
const SIZE: u32 = 12;

/// A file with a file system in it, and where its process has it.
pub(crate) struct Disk {
    image: PathBuf,
    at: PathBuf,
}

/// A disk that stands still, until this is dropped.
pub(crate) struct Frozen<'a> {
    disk: &'a Disk,
    whose: Pid,
}

impl Disk {
    /// To be found at this directory of the host's, with what is there.
    pub(crate) fn new(host: &Host, directory: &str) -> Self {
        let (image, at) = (host.path("disk.img"), host.path(directory));
        std::fs::create_dir_all(&at).expect("a directory");
        let made = Command::new("mkfs.ext4").args(["-q", "-m", "0", "-d"]).arg(&at).arg(&image).arg(format!("{SIZE}M")).output();
        let made = made.expect("mkfs.ext4 of Debian's package e2fsprogs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { image, at }
    }

    /// An executable that has the disk, mounted with this option besides. Its process id is the command's.
    pub(crate) fn command(&self, option: &str, executable: &str) -> Command {
        let mut command = Command::new("unshare");
        let script = "mount -o \"loop,$0\" \"$1\" \"$2\" && shift 2 && exec \"$@\"";
        command.args(["--mount", "--propagation", "private", "sh", "-c", script, option]).arg(&self.image).arg(&self.at).arg(executable);
        command
    }

    /// An executable that has the disk as that process has it. Its process id is the command's.
    pub(crate) fn beside(&self, whose: Pid, executable: &str) -> Command {
        let mut command = enter(whose);
        command.arg(executable);
        command
    }

    /// Nothing more goes onto it.
    pub(crate) fn fill(&self, whose: Pid) {
        let filled = inside(whose, "dd", &["if=/dev/zero", &format!("of={}", self.filling().display()), "bs=4k", "conv=fsync"]);
        assert!(filled.contains("No space left"), "{filled}");
    }

    /// There is room again.
    pub(crate) fn empty(&self, whose: Pid) {
        inside(whose, "rm", &[path(&self.filling())]);
    }

    /// Whoever writes waits.
    pub(crate) fn freeze(&self, whose: Pid) -> Frozen<'_> {
        inside(whose, "fsfreeze", &["--freeze", path(&self.at)]);
        Frozen { disk: self, whose }
    }

    fn filling(&self) -> PathBuf {
        self.at.join("filling")
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        inside(self.whose, "fsfreeze", &["--unfreeze", path(&self.disk.at)]);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("an ordinary name")
}

/// Runs a program where the process has its disk; what it said of trouble.
fn inside(whose: Pid, program: &str, words: &[&str]) -> String {
    let ran = enter(whose).arg(program).args(words).output().expect("nsenter");
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

/// What comes next runs where the process has its disk.
fn enter(whose: Pid) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--mount", "--target", &whose.as_raw_nonzero().to_string(), "--"]);
    command
}
