//! The access log: lines are gathered by each worker and written by a thread of their own, so that no request waits for a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::metrics;
use super::record::{Record, Stamp};

/// A worker hands over what it has gathered when it is more than this.
const GATHERED: usize = 64 * 1024;
/// Pieces that may wait for the disk; what comes after them is lost, and counted.
const WAITING: usize = 32;

/// The access log as workers see it.
#[derive(Debug)]
pub(super) struct AccessLog {
    shares: Vec<Share>,
    writer: SyncSender<Order>,
    trouble: Arc<Trouble>,
}

/// Why lines cannot be written as they should, while that is so.
#[derive(Debug, Default)]
struct Trouble(Mutex<Option<String>>);

/// What one worker has gathered, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Share(Mutex<Gathered>);

#[derive(Debug, Default)]
struct Gathered {
    lines: Vec<u8>,
    stamp: Stamp,
}

#[derive(Debug)]
enum Order {
    Write(Vec<u8>),
    Reopen,
    End,
}

/// The file, and when it is to be begun anew.
#[derive(Debug)]
struct Writer {
    path: PathBuf,
    file: File,
    size: u64,
    limit: u64,
    /// It ends within a line.
    is_torn: bool,
}

impl AccessLog {
    /// Appends to the file at `path`; one that has grown to `limit` bytes becomes `PATH.1`.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub(super) fn open(path: &Path, limit: u64, workers: usize) -> io::Result<(Self, JoinHandle<()>)> {
        let mut writer = Writer::open(path, limit)?;
        let (sender, orders) = sync_channel(WAITING);
        let trouble = Arc::new(Trouble::default());
        let told = Arc::clone(&trouble);
        let thread = std::thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.follow(&orders, &told))?;
        Ok((Self { shares: (0..workers.max(1)).map(|_| Share::default()).collect(), writer: sender, trouble }, thread))
    }

    /// Adds a line.
    pub(super) fn add(&self, worker: usize, record: &Record) {
        let Some(share) = self.shares.get(worker) else { return };
        let mut gathered = share.lock();
        let Gathered { lines, stamp } = &mut *gathered;
        record.write(lines, stamp);
        if lines.len() > GATHERED {
            let lines = std::mem::replace(lines, Vec::with_capacity(GATHERED + 1024));
            drop(gathered);
            self.hand_over(lines);
        }
    }

    /// Hands over what has been gathered so far.
    pub(super) fn flush(&self) {
        for share in &self.shares {
            let lines = std::mem::take(&mut share.lock().lines);
            if !lines.is_empty() {
                self.hand_over(lines);
            }
        }
    }

    fn hand_over(&self, lines: Vec<u8>) {
        if let Err(TrySendError::Full(Order::Write(lines))) = self.writer.try_send(Order::Write(lines)) {
            metrics::lost_lines(count(&lines));
        }
    }

    /// Opens the file by its name again: somebody has moved the old one away.
    pub(super) fn reopen(&self) {
        // Where many pieces wait already nobody waits for the disk: before each of them it is looked whether the file was moved.
        let _ = self.writer.try_send(Order::Reopen);
    }

    /// What somebody should look at; none where all is well.
    pub(super) fn warning(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Writes what there is and ends the thread.
    pub(super) fn end(&self) {
        self.flush();
        let _ = self.writer.send(Order::End);
    }
}

impl Share {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trouble {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many lines end in a piece.
fn count(lines: &[u8]) -> usize {
    lines.iter().filter(|byte| **byte == b'\n').count()
}

/// Whoever wrote it last was killed, or found the disk full.
fn ends_within_a_line(path: &Path, size: u64) -> bool {
    let mut last = [b'\n'];
    // What cannot be read is taken for whole.
    let _ = size.checked_sub(1).map(|place| File::open(path).and_then(|file| file.read_exact_at(&mut last, place)));
    last != [b'\n']
}

impl Writer {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, limit, is_torn: ends_within_a_line(path, size) })
    }

    fn follow(&mut self, orders: &Receiver<Order>, told: &Trouble) {
        while let Ok(order) = orders.recv() {
            let done = match order {
                Order::Write(lines) => self.write(&lines),
                Order::Reopen => self.reopen().map_err(|error| format!("the file cannot be begun anew: {error}")),
                Order::End => return,
            };
            let trouble = done.err().map(|why| format!("the access log {}: {why}", self.path.display()));
            if let Some(trouble) = trouble.as_ref().filter(|_| told.lock().is_none()) {
                tracing::error!("{trouble}");
            }
            *told.lock() = trouble;
        }
    }

    /// Where no new file can be had the open one is gone on with: better too long than lost.
    fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        let begun_anew = self.begin_anew(lines.len() as u64);
        let appended = self.append(lines).map_err(|error| format!("lines are lost, for they cannot be written: {error}"));
        appended.and(begun_anew.map_err(|error| format!("the file cannot be begun anew: {error}")))
    }

    fn begin_anew(&mut self, coming: u64) -> io::Result<()> {
        if self.is_moved() {
            self.reopen()?;
        }
        if self.size > 0 && self.size + coming > self.limit {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            fs::rename(&self.path, old)?;
            self.reopen()?;
        }
        Ok(())
    }

    /// Counts the lines that were not written. One that was written in part is ended before the next.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let whole = if self.is_torn { self.file.write_all(b"\n") } else { Ok(()) };
        self.is_torn &= whole.is_err();
        let before = self.length();
        let appended = whole.and_then(|()| self.file.write_all(lines));
        self.size = if appended.is_ok() { before + lines.len() as u64 } else { self.length() };
        if appended.is_err() {
            let written = usize::try_from(self.size.saturating_sub(before)).unwrap_or(usize::MAX);
            self.is_torn |= written > 0;
            metrics::lost_lines(count(lines.get(written..).unwrap_or_default()));
        }
        appended
    }

    /// How long the file is.
    fn length(&self) -> u64 {
        self.file.metadata().map_or(self.size, |file| file.len())
    }

    /// Whether the name stands for another file by now, or for none.
    fn is_moved(&self) -> bool {
        match (fs::metadata(&self.path), self.file.metadata()) {
            (Ok(named), Ok(open)) => (named.dev(), named.ino()) != (open.dev(), open.ino()),
            _ => true,
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path, self.limit)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::embedded::record::tests::record;

    fn lines(path: &Path) -> usize {
        fs::read_to_string(path).map_or(0, |text| text.lines().count())
    }

    #[test]
    fn a_file_that_is_moved_away_is_begun_anew_and_one_that_is_full_becomes_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let [path, moved, full] = ["access.log", "moved", "access.log.1"].map(|name| folder.path().join(name));
        let (log, thread) = AccessLog::open(&path, 2_000, 2).unwrap();
        log.add(1, &record("/"));
        log.flush();
        log.reopen();
        fs::rename(&path, &moved).unwrap_or_default();
        while lines(&moved) + lines(&path) < 1 {
            std::thread::yield_now();
        }
        for _ in 0..20 {
            log.add(0, &record("/"));
            log.flush();
        }
        log.end();
        thread.join().unwrap();
        assert!(lines(&full) > 0 && lines(&path) > 0 && fs::metadata(&path).unwrap().len() <= 2_000);
        assert!(fs::read_to_string(&path).unwrap().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }

    #[test]
    fn where_no_new_file_can_be_had_lines_go_on_into_the_old_one_and_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        // No file takes the place of a directory.
        fs::create_dir(folder.path().join("access.log.1")).unwrap();
        let (log, thread) = AccessLog::open(&path, 300, 1).unwrap();
        for _ in 0..5 {
            log.add(0, &record("/"));
            log.flush();
        }
        log.end();
        thread.join().unwrap();
        assert_eq!(lines(&path), 5);
        assert!(log.warning().is_some_and(|warning| warning.contains("cannot be begun anew")), "{:?}", log.warning());
    }

    #[test]
    fn behind_a_line_that_broke_off_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        fs::write(&path, "{}\n{\"half").unwrap();
        for _ in 0..2 {
            let mut writer = Writer::open(&path, 1_000).unwrap();
            writer.write(b"{}\n").unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n{\"half\n{}\n{}\n");
    }
}
