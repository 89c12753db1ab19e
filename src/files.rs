//! Files that survive: replaced as a whole or not at all, private to their owner.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::signing;

/// Makes a directory with mode 0700, and its parents. One that exists is made private too.
///
/// # Errors
/// As the operating system says.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// Replaces a file: temporary file beside it, fsync, rename, fsync of the directory. Mode 0600.
/// After it has returned, a power cut leaves the new content; before, the old.
///
/// # Errors
/// As the operating system says; the old file is then untouched.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = beside(path)?;
    let written = write_new(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What could not be renamed is of no use; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(folder_of(path))?.sync_all()
}

/// Makes a file as [`replace`] does, unless there is one of that name. Says whether it did.
fn create(path: &Path, content: &[u8]) -> io::Result<bool> {
    let temporary = beside(path)?;
    // A link does not replace: of two who make the same file at once, one does.
    let linked = write_new(&temporary, content).and_then(|()| fs::hard_link(&temporary, path));
    // That it cannot be removed changes nothing.
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(()) => File::open(folder_of(path))?.sync_all().map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name beside a file that nobody else uses, in this process or another.
fn beside(path: &Path) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().ok_or_else(|| io::Error::other("a file needs a name"))?.to_owned();
    name.push(format!(".new-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    Ok(folder_of(path).join(name))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads a token that is kept in a file, or makes one there (mode 0600) if there is none. Of several parts that start at once,
/// one makes it, and all have the same.
///
/// # Errors
/// As the operating system says, or if the file is empty.
pub fn token(path: &Path) -> io::Result<String> {
    if fs::exists(path)? {
        return kept(path);
    }
    let token = signing::new_token();
    if create(path, format!("{token}\n").as_bytes())? { Ok(token) } else { kept(path) }
}

fn kept(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => {
            Err(io::Error::other(format!("{} is empty: remove it, and a new one is made", path.display())))
        }
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(error),
    }
}

/// The names of the files and sockets in the state directory: one place, so that no two parts disagree.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
    sockets: PathBuf,
}

impl StateDir {
    /// Of this directory, made with mode 0700 if it is not there.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        make_private_dir(path)?;
        let path = fs::canonicalize(path)?;
        Ok(Self { sockets: path.clone(), path })
    }

    /// The same with its sockets in another directory, which is there already.
    #[must_use]
    pub fn with_sockets_in(self, sockets: PathBuf) -> Self {
        Self { sockets, ..self }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path within it; an absolute one stays.
    #[must_use]
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.join(path)
    }

    /// The proxy's control socket.
    #[must_use]
    pub fn proxy_socket(&self) -> PathBuf {
        self.sockets.join("proxy.sock")
    }

    /// The proxy's live colour and epoch.
    #[must_use]
    pub fn proxy_state(&self) -> PathBuf {
        self.join("proxy.json")
    }

    /// The token by which the proxy knows the prober's own requests.
    #[must_use]
    pub fn probe_token(&self) -> PathBuf {
        self.join("probe.token")
    }

    /// The bearer token of the prober's control.
    #[must_use]
    pub fn prober_token(&self) -> PathBuf {
        self.join("prober.token")
    }

    /// The bearer token of the watcher's API.
    #[must_use]
    pub fn watcher_token(&self) -> PathBuf {
        self.join("watcher.token")
    }

    /// The key that signs beats, where the config names none.
    #[must_use]
    pub fn beat_key(&self) -> PathBuf {
        self.join("beat.key")
    }

    /// The supervisor's control socket.
    #[must_use]
    pub fn up_socket(&self) -> PathBuf {
        self.sockets.join("up.sock")
    }

    /// What the supervisor has started: process ids and start times.
    #[must_use]
    pub fn processes(&self) -> PathBuf {
        self.join("processes")
    }

    /// The output of the instances.
    #[must_use]
    pub fn instances(&self) -> PathBuf {
        self.join("instances")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn a_replaced_file_is_private_and_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.json");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn sockets_may_be_elsewhere_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        assert_eq!(state.proxy_socket(), state.join("proxy.sock"));
        let state = state.with_sockets_in("/run/allswell".into());
        assert_eq!(state.proxy_socket(), Path::new("/run/allswell/proxy.sock"));
        assert_eq!(state.probe_token(), state.path().join("probe.token"));
    }

    #[test]
    fn a_token_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert_eq!(token(&path).unwrap(), token(&path).unwrap());
        fs::write(&path, "\n").unwrap();
        assert!(token(&path).is_err());
    }

    #[test]
    fn parts_that_start_together_have_the_same_token() {
        const PARTS: usize = 8;
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("token");
            let start = Barrier::new(PARTS);
            let tokens: BTreeSet<String> = thread::scope(|scope| {
                let part = || {
                    start.wait();
                    token(&path).unwrap()
                };
                let parts: Vec<_> = (0..PARTS).map(|_| scope.spawn(part)).collect();
                parts.into_iter().map(|part| part.join().unwrap()).collect()
            });
            assert_eq!(tokens.len(), 1);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        }
    }
}
