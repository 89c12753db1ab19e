//! A file of SQLite, whose statements are called where they are needed: without a thread, a queue or a copy in between.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row, Statement, ToSql};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::checkpoint::Checkpointer;
use super::dialect;
use super::error::StoreError;
use super::opened::{BUSY, Inode, Keeps, Opened, Outlives, inode_of, to_read, to_write};
use super::pending::Known;
use super::put_off::{self, Behind, PutOff};
use super::row::FileRow;
use super::value::Value;
use crate::files::aside;

/// How long somebody who reads waits for somebody who writes.
const PATIENCE: Duration = Duration::from_millis(100);
/// So many read at a time.
const READERS: usize = 4;

/// One writes, some read.
#[derive(Debug, Clone)]
pub(super) struct File {
    writer: Pool,
    reader: Pool,
    path: Arc<Path>,
    /// Which file it was when it was opened.
    inode: Option<Inode>,
    /// What was committed and is not in the file yet.
    log: Arc<Path>,
    behind: Behind,
    checkpointer: Arc<Checkpointer>,
}

impl File {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path, keeps: Keeps) -> Result<Self, StoreError> {
        let idle = vec![Opened::new(to_write(path, keeps)?)];
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self {
            writer: Pool::new(1, path, (to_write, keeps), idle),
            reader: Pool::new(READERS, path, (to_read, keeps), Vec::new()),
            path: path.into(),
            inode: inode_of(path),
            log: PathBuf::from(log).into(),
            behind: Behind::unknown(),
            checkpointer: Arc::new(Checkpointer::start(path)),
        })
    }

    /// For a transaction that writes. Where the name leads to another file by now, or to none, SQLite would go on writing what nobody finds.
    pub(super) async fn begin(&self, outlives: Outlives) -> Result<Lent, StoreError> {
        self.is_same(&self.path, self.inode)?;
        let mut lent = self.writer.lend().await?;
        // A lock that somebody outside holds is waited for, and so is a disk that stands still: which commit is read is written to a file.
        aside(|| lent.start(outlives))?;
        // From here to the commit hardly anything waits for the disk, and to make way for others would take longer than a statement does.
        lent.is_long = false;
        // It is there from the first transaction until the last connection ends.
        let log = lent.opened.as_mut().and_then(|opened| *opened.log.get_or_insert_with(|| inode_of(&self.log)));
        self.is_same(&self.log, log)?;
        if lent.look_around()? {
            self.behind.forget();
        }
        lent.put_off = Some(Box::new(PutOff::new(&self.behind)));
        lent.checkpointer = Some(Arc::clone(&self.checkpointer));
        Ok(lent)
    }

    fn is_same(&self, path: &Path, inode: Option<Inode>) -> Result<(), StoreError> {
        if inode_of(path) == inode { Ok(()) } else { Err(StoreError::Lost(self.path.to_path_buf())) }
    }

    /// For reading.
    pub(super) async fn read(&self) -> Result<Lent, StoreError> {
        let mut lent = self.reader.lend().await?;
        lent.reads = Some(Box::new(self.clone()));
        Ok(lent)
    }

    /// Writes everything that was put off to the rows of the checks. It outlives everything already, where it is.
    async fn bring(&self) -> Result<(), StoreError> {
        let begun = timeout(PATIENCE, self.begin(Outlives::Crash)).await;
        let mut lent = begun.unwrap_or(Err(StoreError::Busy))?;
        lent.bring()?;
        lent.commit()
    }
}

/// How a connection is opened.
type Opens = fn(&Path, Keeps) -> Result<Connection, StoreError>;

/// Connections that are lent to one at a time each.
#[derive(Debug, Clone)]
struct Pool {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Opened>>>,
    path: Arc<Path>,
    open: (Opens, Keeps),
}

impl Pool {
    fn new(most: usize, path: &Path, open: (Opens, Keeps), idle: Vec<Opened>) -> Self {
        Self { permits: Arc::new(Semaphore::new(most)), idle: Arc::new(Mutex::new(idle)), path: path.into(), open }
    }

    async fn lend(&self) -> Result<Lent, StoreError> {
        let permit = timeout(BUSY * 2, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or(StoreError::Busy)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let opened = match idle {
            Some(opened) => opened,
            None => {
                let (open, keeps) = self.open;
                Opened::new(aside(|| open(&self.path, keeps))?)
            }
        };
        let home = Arc::clone(&self.idle);
        Ok(Lent { opened: Some(opened), put_off: None, checkpointer: None, reads: None, is_long: true, home, _permit: permit })
    }
}

/// A connection, until it is dropped: what was not committed then never was.
#[derive(Debug)]
pub(super) struct Lent {
    opened: Option<Opened>,
    /// What this write transaction puts off; none on a connection that only reads.
    put_off: Option<Box<PutOff>>,
    /// Hears of each commit; none on a connection that only reads.
    checkpointer: Option<Arc<Checkpointer>>,
    /// Of which file it reads, where it cannot write.
    reads: Option<Box<File>>,
    /// Whether a statement may take long: whoever else runs on this thread goes on elsewhere meanwhile.
    is_long: bool,
    home: Arc<Mutex<Vec<Opened>>>,
    _permit: OwnedSemaphorePermit,
}

impl Lent {
    /// Begins a transaction that writes, whose commit outlives this.
    fn start(&mut self, outlives: Outlives) -> Result<(), StoreError> {
        let opened = self.opened.as_mut().ok_or(StoreError::Busy)?;
        if opened.outlives != Some(outlives) {
            opened.outlives = None;
            opened.connection.pragma_update(None, "synchronous", outlives.synchronous())?;
            opened.outlives = Some(outlives);
        }
        self.run("BEGIN IMMEDIATE", &[]).map(drop)
    }

    /// Whether somebody else has written to the file: then nothing is known any more.
    fn look_around(&mut self) -> Result<bool, StoreError> {
        let version = self.rows("PRAGMA data_version", &[])?.pop().and_then(|mut row| row.values.pop());
        let opened = self.opened.as_mut().ok_or(StoreError::Busy)?;
        let is_changed = opened.version != version;
        if is_changed {
            (opened.version, opened.known) = (version, Known::default());
        }
        Ok(is_changed)
    }

    /// The statements to come read what nobody has read for long, or much.
    pub(super) fn may_take_long(&mut self) {
        self.is_long = true;
    }

    /// What the last transaction has left: whoever takes it and does not leave it to the next one has it forgotten.
    pub(super) fn known(&mut self) -> Known {
        self.opened.as_mut().map(|opened| std::mem::take(&mut opened.known)).unwrap_or_default()
    }

    /// Leaves to the next transaction what is known of rows as they were committed.
    pub(super) fn leave(&mut self, known: Known) {
        if let Some(opened) = &mut self.opened {
            opened.known = known;
        }
    }

    /// Puts off what this check has only heard, as [`put_off::rows`] reads it. False where it is to be written.
    pub(super) fn put_off(&mut self, name: &str, line: &impl Serialize) -> Result<bool, StoreError> {
        self.put_off.as_mut().map_or(Ok(false), |put_off| put_off.take(name, line))
    }

    /// Has everything brought that was put off, for this statement of somebody who only reads. Where that is not done soon, checks are read as
    /// they were a moment ago.
    pub(super) async fn catch_up(&mut self, text: &str) {
        let Some(file) = self.reads.as_mut().filter(|file| file.behind.is_any() && put_off::is_of_rows(text)) else { return };
        if let Err(error) = file.bring().await {
            tracing::debug!("what checks have heard is not in their rows yet: {error}");
        }
    }

    /// Writes everything that was put off to the rows of the checks, once in a transaction.
    fn bring(&mut self) -> Result<(), StoreError> {
        let Some(mut put_off) = self.put_off.take_if(|put_off| !put_off.is_brought()) else { return Ok(()) };
        let brought = self.bring_all(&put_off);
        if brought.is_ok() {
            put_off.brought();
        }
        self.put_off = Some(put_off);
        brought
    }

    fn bring_all(&mut self, put_off: &PutOff) -> Result<(), StoreError> {
        if put_off.is_any_behind() {
            let left = put_off.left().map_or_else(|| self.left(), Ok)?;
            // Where a check is not there any more, somebody outside has taken it away.
            self.run_each(put_off::HEARD, put_off::rows(&left)?)?;
            self.run(put_off::PASS, &[])?;
        }
        let own = put_off::rows(put_off.lines())?;
        if self.run_each(put_off::HEARD, &own)? == own.len() { Ok(()) } else { Err(StoreError::Repeated) }
    }

    /// The lines that were put off and not brought, as the file has them.
    fn left(&mut self) -> Result<Vec<u8>, StoreError> {
        let places = self.rows(put_off::LEFT, &[])?;
        Ok(places.iter().filter_map(FileRow::bytes).collect::<Vec<_>>().concat())
    }

    /// Ends the transaction.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        if self.put_off.as_ref().is_some_and(|put_off| put_off.is_due()) {
            self.bring()?;
        }
        let left = self.put_off.as_mut().map(|put_off| put_off.leave()).unwrap_or_default();
        for place in &left {
            if self.run(put_off::LEAVE, place)? == 0 {
                self.run(put_off::LEAVE_FIRST, place)?;
            }
        }
        aside(|| self.run("COMMIT", &[]))?;
        if let Some(put_off) = self.put_off.take() {
            put_off.committed();
        }
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.committed();
        }
        Ok(())
    }

    /// Runs a statement. Says how many rows it has written.
    pub(super) fn run(&mut self, text: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.with(text, |statement| {
            bind(statement, values)?;
            Ok(statement.raw_execute()?)
        })
    }

    /// Runs a statement once for each row of values. Says how many rows it has written.
    pub(super) fn run_each(&mut self, text: &str, rows: impl IntoIterator<Item: IntoIterator<Item: ToSql>>) -> Result<usize, StoreError> {
        aside(|| {
            self.with(text, |statement| {
                let mut written = 0;
                for values in rows {
                    bind(statement, values)?;
                    written += statement.raw_execute()?;
                }
                Ok(written)
            })
        })
    }

    /// Runs a statement, and reads every row.
    pub(super) fn rows(&mut self, text: &str, values: &[Value<'_>]) -> Result<Vec<FileRow>, StoreError> {
        self.with(text, |statement| {
            bind(statement, values)?;
            let names: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
            let mut rows = statement.raw_query();
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                read.push(FileRow { names: Arc::clone(&names), values: values_of(row, names.len())? });
            }
            Ok(read)
        })
    }

    /// Runs several statements of ours.
    pub(super) fn script(&mut self, text: &str) -> Result<(), StoreError> {
        let Opened { connection, .. } = self.opened.as_ref().ok_or(StoreError::Busy)?;
        Ok(aside(|| connection.execute_batch(text))?)
    }

    /// Whoever writes finds checks as they are.
    fn with<T>(&mut self, text: &str, act: impl FnOnce(&mut Statement<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.put_off.as_ref().is_some_and(|put_off| !put_off.is_brought()) && put_off::is_of_rows(text) {
            self.bring()?;
        }
        let Opened { connection, .. } = self.opened.as_ref().ok_or(StoreError::Busy)?;
        let work = || {
            let mut statement: CachedStatement<'_> = connection.prepare_cached(text)?;
            act(&mut statement)
        };
        if self.is_long { aside(work) } else { work() }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(opened) = self.opened.take() else { return };
        let Opened { connection, .. } = &opened;
        if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            // Nobody knows in which state it is: the next one opens another.
            return;
        }
        self.home.lock().unwrap_or_else(PoisonError::into_inner).push(opened);
    }
}

fn bind(statement: &mut Statement<'_>, values: impl IntoIterator<Item: ToSql>) -> Result<(), StoreError> {
    for (place, value) in values.into_iter().enumerate() {
        statement.raw_bind_parameter(place + 1, value)?;
    }
    Ok(())
}

fn values_of(row: &Row<'_>, width: usize) -> Result<Vec<rusqlite::types::Value>, StoreError> {
    (0..width).map(|place| Ok(row.get(place)?)).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Number(Some(number)) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(Some(text)) if dialect::is_plain(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Text(Some(text)) => ToSqlOutput::Owned(rusqlite::types::Value::Text(dialect::escape(text.as_ref().into()).into_owned())),
            Self::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Number(None) | Self::Text(None) | Self::Bytes(None) => ToSqlOutput::Borrowed(ValueRef::Null),
        })
    }
}

#[cfg(test)]
mod tests;
