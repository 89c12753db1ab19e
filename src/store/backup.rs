//! A copy of a SQLite store, taken while it is in use.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

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
/// Whoever uses the store goes on meanwhile.
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
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(BackupError::Exists(to.to_owned())),
        made => made?,
    };
    let copied = fill(&store, to);
    if copied.is_err() {
        // Half a copy is none; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(to);
    }
    copied.map(|()| store)
}

/// The file is there and empty.
fn fill(store: &Path, to: &Path) -> Result<(), BackupError> {
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    connection.execute("VACUUM INTO ?", [to.to_string_lossy()])?;
    drop(connection);
    fs::set_permissions(to, Permissions::from_mode(0o600))?;
    File::open(to)?.sync_all()?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(())
}
