//! A connection to a file of SQLite, and which file that is.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

use super::checkpoint;
use super::error::StoreError;
use super::pending::Known;

/// How long a statement waits for a lock that somebody outside holds.
pub(super) const BUSY: Duration = Duration::from_secs(1);
/// So many statements are prepared once and kept.
const PREPARED: usize = 256;

/// How much of a file a connection keeps in memory, in KiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeps {
    writer_kib: i64,
    pub(super) reader_kib: i64,
}

impl Keeps {
    /// Of a hundred thousand checks: what beats write is anywhere among them.
    pub(super) const OF_CHECKS: Self = Self { writer_kib: 32 * 1_024, reader_kib: 2 * 1_024 };
    /// Of a journal: its newest rows are the ones that are read.
    pub(super) const OF_A_JOURNAL: Self = Self { writer_kib: 1_024, reader_kib: 256 };
}

/// A device, and a file's number on it.
pub(super) type Inode = (u64, u64);

/// What a commit outlives from the moment in which it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlives {
    /// Everything: it waits for the disk.
    PowerCut,
    /// The end of this process. The next commit that waits for the disk takes it along.
    Crash,
}

impl Outlives {
    /// In the words of SQLite.
    pub(super) fn synchronous(self) -> &'static str {
        match self {
            Self::PowerCut => "full",
            Self::Crash => "normal",
        }
    }
}

/// To one that is made where it is not there.
pub(super) fn to_write(path: &Path, keeps: Keeps) -> Result<Connection, StoreError> {
    let writer = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE, keeps.writer_kib)?;
    writer.pragma_update(None, "journal_mode", "wal")?;
    writer.pragma_update(None, "foreign_keys", true)?;
    checkpoint::watch(&writer);
    Ok(writer)
}

/// To one that is there, for reading.
pub(super) fn to_read(path: &Path, keeps: Keeps) -> Result<Connection, StoreError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, keeps.reader_kib)
}

fn open(path: &Path, flags: OpenFlags, kept_kib: i64) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.pragma_update(None, "cache_size", -kept_kib)?;
    Ok(connection)
}

/// Which file a name leads to, if it leads to one. Nothing else is asked: a file of whose times somebody has asked is given a new one by the next
/// write, however soon, and a commit waits for the disk once more to have that written.
pub(super) fn inode_of(path: &Path) -> Option<Inode> {
    let file = statx(CWD, path, AtFlags::empty(), StatxFlags::INO).ok()?;
    Some((makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino))
}

/// A connection.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Box<Connection>,
    /// What its commits outlive, as far as that was said.
    pub(super) outlives: Option<Outlives>,
    /// The log that it began to write, where it has begun.
    pub(super) log: Option<Option<Inode>>,
    /// What its last transaction has left.
    pub(super) known: Known,
    /// Another one once somebody else has written to the file.
    pub(super) version: Option<rusqlite::types::Value>,
}

impl Opened {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection: Box::new(connection), outlives: None, log: None, known: Known::default(), version: None }
    }
}
