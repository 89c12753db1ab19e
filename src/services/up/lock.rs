//! One `up` on one state directory.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

use crate::files::StateDir;

/// Another `up` runs on the same state directory.
#[derive(Debug, thiserror::Error)]
#[error(
    "another `allswell up`{holder} is running on {directory}. End it with `allswell stop`, or give this one a directory of its own with --state DIR"
)]
pub struct Taken {
    holder: String,
    directory: String,
}

/// Held as long as `up` runs; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// [`Taken`] where another has it.
    pub(super) fn take(state: &StateDir) -> anyhow::Result<Self> {
        let path = state.join("up.lock");
        let unusable = || format!("{} cannot be used", path.display());
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.with_context(unusable)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut pid = String::new();
            // Only for the message.
            let _ = file.read_to_string(&mut pid);
            let holder = if pid.trim().is_empty() { String::new() } else { format!(" (process {})", pid.trim()) };
            anyhow::bail!(Taken { holder, directory: state.path().display().to_string() });
        }
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id())).with_context(unusable)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_and_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let first = Lock::take(&state).unwrap();
        let refusal = Lock::take(&state).unwrap_err();
        assert!(refusal.is::<Taken>());
        assert!(refusal.to_string().contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(first);
        assert!(Lock::take(&state).is_ok());
    }
}
