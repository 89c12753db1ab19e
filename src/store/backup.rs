//! A copy of a SQLite store, taken while it is in use.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{self, Path, PathBuf};
use std::process;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::database::Store;

/// Whoever has locked the store is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A server's own tools do that better.
    #[error("the store is a PostgreSQL server: copy it with pg_dump, and bring it back with pg_restore")]
    Server,
    /// What was kept before is not replaced.
    #[error("{} is there already: name a file that is not", .0.display())]
    Exists(PathBuf),
    /// There is nothing to copy.
    #[error("there is no store at {}: is this the state directory of the part that keeps it?", .0.display())]
    Missing(PathBuf),
    /// The store does not let itself be copied.
    #[error("the store cannot be copied: {0}")]
    Store(#[from] rusqlite::Error),
    /// The copy cannot be written.
    #[error("the copy cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Copies the store at this URL, relative to `state`, to a new file: whole, private, and on disk when this returns. Says where the store is.
/// Whoever uses the store goes on meanwhile. Nothing has the file's name before all of it is there, whatever ends us.
///
/// # Errors
/// Where there is no store, where the file is there already, or where it cannot be written; then there is no file.
pub fn copy(url: &str, state: &Path, to: &Path) -> Result<PathBuf, BackupError> {
    if Store::is_server(url) {
        return Err(BackupError::Server);
    }
    let store = state.join(url.strip_prefix("sqlite:").unwrap_or(url));
    if !store.exists() {
        return Err(BackupError::Missing(store));
    }
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let part = part_of(to)?;
    let copied = fill(&store, &part).and_then(|()| name(&part, to));
    if copied.is_err() {
        // Half a copy is none; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&part);
    }
    copied.map(|()| store)
}

/// Where the copy grows, beside what it is to become. Whole, so that no name is anything else to SQLite.
fn part_of(to: &Path) -> io::Result<PathBuf> {
    let mut part = path::absolute(to)?.into_os_string();
    part.push(format!(".part-{}", process::id()));
    Ok(part.into())
}

fn fill(store: &Path, part: &Path) -> Result<(), BackupError> {
    let text = part.to_str().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8"))?;
    // One that had our number began it, and was killed.
    let _ = fs::remove_file(part);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    connection.execute("VACUUM INTO ?", [text])?;
    drop(connection);
    fs::set_permissions(part, Permissions::from_mode(0o600))?;
    Ok(File::open(part)?.sync_all()?)
}

/// It has its name from now on.
fn name(part: &Path, to: &Path) -> Result<(), BackupError> {
    match renameat_with(CWD, part, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => return Err(BackupError::Exists(to.to_owned())),
        // A file system that cannot promise it; we have looked.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::rename(part, to)?,
        named => named.map_err(io::Error::from)?,
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::thread;

    use super::*;
    use crate::clock;

    /// A store with something in it.
    fn stored(folder: &Path) -> Connection {
        let store = Connection::open(folder.join("x.db")).unwrap();
        store.execute_batch("CREATE TABLE a (b); INSERT INTO a VALUES (7)").unwrap();
        store
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_has_the_copy_s_name_before_all_of_it_is_there() {
        let [state, copies] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let store = stored(state.path());
        store.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let (from, to) = (state.path().to_owned(), copies.path().join("copy.db"));
        let copying = thread::spawn(move || copy("sqlite:x.db", &from, &to));
        let deadline = clock::elapsed() + BUSY;
        while names(copies.path()).is_empty() {
            assert!(clock::elapsed() < deadline, "it does not begin");
            thread::yield_now();
        }
        let begun = names(copies.path());
        assert!(begun.len() == 1 && begun[0].starts_with("copy.db.part-"), "{begun:?}");
        store.execute_batch("COMMIT").unwrap();
        assert_eq!(copying.join().unwrap().unwrap(), state.path().join("x.db"));
        assert_eq!(names(copies.path()), ["copy.db"]);
        let copied = Connection::open(copies.path().join("copy.db")).unwrap();
        assert_eq!(copied.query_row("SELECT b FROM a", (), |row| row.get::<_, i64>(0)).unwrap(), 7);
        let again = copy("sqlite:x.db", state.path(), &copies.path().join("copy.db"));
        assert!(matches!(again, Err(BackupError::Exists(_))), "{again:?}");
    }

    #[test]
    fn a_copy_that_cannot_be_made_leaves_nothing() {
        let [state, copies] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        drop(stored(state.path()));
        let strange = copies.path().join(OsStr::from_bytes(b"c\xffpy"));
        let refused = copy("sqlite:x.db", state.path(), &strange);
        assert!(matches!(&refused, Err(BackupError::Io(error)) if error.to_string().contains("UTF-8")), "{refused:?}");
        fs::write(state.path().join("y.db"), "this is no store, and long enough to be looked at as one").unwrap();
        let broken = copy("sqlite:y.db", state.path(), &copies.path().join("copy.db"));
        assert!(matches!(broken, Err(BackupError::Store(_))), "{broken:?}");
        assert_eq!(fs::read_dir(copies.path()).unwrap().count(), 0);
    }
}
