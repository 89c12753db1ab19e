//! The access log: lines are gathered by each worker and written by a thread of their own, so that no request waits for a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
}

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
}

impl AccessLog {
    /// Appends to the file at `path`; one that has grown to `limit` bytes becomes `PATH.1`.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub(super) fn open(path: &Path, limit: u64, workers: usize) -> io::Result<(Self, JoinHandle<()>)> {
        let mut writer = Writer::open(path, limit)?;
        let (sender, orders) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.follow(&orders))?;
        Ok((Self { shares: (0..workers.max(1)).map(|_| Share::default()).collect(), writer: sender }, thread))
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
            metrics::lost_lines(lines.split(|byte| *byte == b'\n').count().saturating_sub(1));
        }
    }

    /// Opens the file by its name again: somebody has moved the old one away.
    pub(super) fn reopen(&self) {
        // The writer ends with us.
        let _ = self.writer.send(Order::Reopen);
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

impl Writer {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, limit })
    }

    fn follow(&mut self, orders: &Receiver<Order>) {
        let mut is_failing = false;
        while let Ok(order) = orders.recv() {
            let done = match order {
                Order::Write(lines) => self.write(&lines),
                Order::Reopen => self.reopen(),
                Order::End => return,
            };
            match done {
                Ok(()) => is_failing = false,
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    tracing::error!(%error, path = %self.path.display(), "the access log cannot be written");
                }
                Err(_) => {}
            }
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_moved() {
            self.reopen()?;
        }
        if self.size > 0 && self.size + lines.len() as u64 > self.limit {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            fs::rename(&self.path, old)?;
            self.reopen()?;
        }
        self.file.write_all(lines)?;
        self.size += lines.len() as u64;
        Ok(())
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
}
