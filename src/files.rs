//! Files that survive: replaced as a whole or not at all, private to their owner.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::{Handle, RuntimeFlavor};

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

/// Does what waits for a disk, which may be slow: whoever else runs on this thread goes on elsewhere meanwhile.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        Ok(_) | Err(_) => work(),
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

/// The proxy's control socket, and the link to it where it stands elsewhere.
const PROXY_SOCKET: &str = "proxy.sock";

/// What shows that a directory is a state directory: what the parts make in it first, and the certificates that docs/watcher.md and
/// docs/page.md put there.
const OURS: [&str; 10] = [
    "beat.key",
    "probe.token",
    "prober.db",
    "prober.token",
    "proxy.json",
    "public.pem",
    "up.lock",
    "watcher.db",
    "watcher.pem",
    "watcher.token",
];

/// Refuses a directory that is open to others and seems to be somebody else's.
fn must_not_be_of_others(path: &Path) -> io::Result<()> {
    // What is not there is made, and what cannot be is told by whoever tries.
    let is_open = fs::metadata(path).is_ok_and(|found| found.is_dir() && found.permissions().mode() & 0o077 != 0);
    if !is_open || may_be_ours(path)? {
        return Ok(());
    }
    let path = path.display();
    Err(io::Error::other(format!(
        "it is open to others and nothing in it is of allswell. Where it is meant, make it private: chmod 700 {path}"
    )))
}

/// Whether a directory has files of ours, or none at all but what a file system makes.
fn may_be_ours(path: &Path) -> io::Result<bool> {
    let mut is_empty = true;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if OURS.iter().any(|ours| name == *ours) {
            return Ok(true);
        }
        is_empty &= name == "lost+found";
    }
    Ok(is_empty)
}

/// The names of the files and sockets in the state directory: one place, so that no two parts disagree.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
    sockets: PathBuf,
}

impl StateDir {
    /// Of this directory, made with mode 0700 if it is not there. One that is there and open to others is made private where it is empty or
    /// has files of ours. Any other is somebody else's, and stays as it is.
    ///
    /// # Errors
    /// Where it seems to be somebody else's, with what to do; or as the operating system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        must_not_be_of_others(path)?;
        make_private_dir(path)?;
        Self::found(path)
    }

    /// Of this directory as it is, for whoever only asks: nothing is made, and nothing changed.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn found(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        Ok(Self { sockets: path.clone(), path })
    }

    /// This directory, with its sockets in another one, which is there already.
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
        self.sockets.join(PROXY_SOCKET)
    }

    /// Leaves a link to the proxy's control socket here where that stands elsewhere: whoever knows the state directory alone finds it.
    ///
    /// # Errors
    /// Where something that is no link is in its place; or as the operating system says.
    pub fn link_proxy_socket(&self) -> io::Result<()> {
        let (sockets, link) = (fs::canonicalize(&self.sockets)?, self.join(PROXY_SOCKET));
        if sockets == self.path {
            return Ok(());
        }
        match fs::symlink_metadata(&link) {
            Ok(found) if found.is_symlink() => fs::remove_file(&link)?,
            Ok(_) => return Err(io::Error::other(format!("{} is no link: remove it if no proxy runs there", link.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        symlink(sockets.join(PROXY_SOCKET), link)
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

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn open_to_all(path: &Path) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_directory_is_made_private_where_it_is_new_or_empty_or_ours_and_no_other_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/state");
        StateDir::open(&path).unwrap();
        assert_eq!((mode_of(&path), mode_of(&folder.path().join("a"))), (0o700, 0o700));
        fs::create_dir(path.join("lost+found")).unwrap();
        open_to_all(&path);
        StateDir::open(&path).unwrap();
        assert_eq!(mode_of(&path), 0o700, "a file system of its own is empty at first");

        fs::write(path.join("letter"), "mine").unwrap();
        StateDir::open(&path).unwrap();
        open_to_all(&path);
        let told = StateDir::open(&path).unwrap_err().to_string();
        assert!(told.contains(&format!("chmod 700 {}", path.display())), "{told}");
        assert_eq!(mode_of(&path), 0o755, "it is somebody else's");
        for ours in OURS {
            fs::write(path.join(ours), "").unwrap();
            StateDir::open(&path).unwrap();
            assert_eq!(mode_of(&path), 0o700, "{ours} is there");
            fs::remove_file(path.join(ours)).unwrap();
            open_to_all(&path);
        }
    }

    #[test]
    fn whoever_only_asks_makes_nothing_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert!(StateDir::found(&path).is_err() && !path.exists());
        fs::create_dir(&path).unwrap();
        open_to_all(&path);
        StateDir::found(&path).unwrap();
        assert_eq!(mode_of(&path), 0o755);
    }

    #[test]
    fn the_proxys_socket_is_found_by_the_state_directory_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (run, other) = (folder.path().join("run"), folder.path().join("other"));
        let state = StateDir::open(&folder.path().join("state")).unwrap();
        let link = state.proxy_socket();
        let with = |sockets: &Path| state.clone().with_sockets_in(sockets.to_owned());
        for sockets in [&other, &run, &run] {
            fs::create_dir_all(sockets).unwrap();
            with(sockets).link_proxy_socket().unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), fs::canonicalize(sockets).unwrap().join("proxy.sock"));
        }
        fs::remove_file(&link).unwrap();
        fs::write(&link, "not ours").unwrap();
        let told = with(&run).link_proxy_socket().unwrap_err().to_string();
        assert!(told.contains("proxy.sock is no link"), "{told}");
        assert_eq!(fs::read_to_string(&link).unwrap(), "not ours");
        // The same directory by another way.
        with(&folder.path().join("run/../state")).link_proxy_socket().unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "not ours");
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
