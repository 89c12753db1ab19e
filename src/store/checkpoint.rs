//! What was committed is brought from SQLite's log into the file, most of it by a thread of its own: whoever commits waits for the rest alone.

use std::cell::Cell;
use std::ffi::c_int;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

/// After so many pages in the log the thread begins: what was written often by then is brought there once.
const BEGINS: c_int = 5_000;
/// After so many the commit brings what has come since, and the log is begun anew.
const ENDS: c_int = 6_000;

thread_local! {
    /// How many pages the log has after the last commit of this thread.
    static PAGES: Cell<c_int> = const { Cell::new(0) };
}

/// Has the log looked at after each commit of this connection.
pub(super) fn watch(writer: &Connection) {
    writer.wal_hook(Some(grown));
}

fn grown(log: &Wal, pages: c_int) -> rusqlite::Result<()> {
    PAGES.set(pages);
    if pages >= ENDS {
        // Where the thread is still at it, or somebody reads what was before, after the next commit.
        let _ = log.checkpoint();
    }
    Ok(())
}

/// The thread, until it is dropped.
#[derive(Debug)]
pub(super) struct Checkpointer {
    /// Closed to end it.
    wanted: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// It has been told of this log.
    is_told: AtomicBool,
}

impl Checkpointer {
    /// Starts it for the file of this name. Where no thread can be had, the commits bring it all.
    pub(super) fn start(path: &Path) -> Self {
        let (wanted, wants) = sync_channel(1);
        let path = path.to_path_buf();
        let thread = thread::Builder::new().name("checkpoint".to_owned()).spawn(move || run(&path, &wants)).ok();
        Self { wanted: Some(wanted), thread, is_told: AtomicBool::new(false) }
    }

    /// To be called after a commit, on its thread.
    pub(super) fn committed(&self) {
        let is_long = PAGES.take() >= BEGINS;
        if is_long && !self.is_told.swap(is_long, Ordering::Relaxed) {
            // It may be at the last one still: then this one is next.
            let _ = self.wanted.as_ref().map(|wanted| wanted.try_send(()));
        } else if !is_long {
            self.is_told.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wanted.take();
        // Its connection is closed when this returns: the last one takes the log away.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn run(path: &Path, wants: &Receiver<()>) {
    let mut connection = None;
    while wants.recv().is_ok() {
        if let Err(error) = bring(path, &mut connection) {
            // A full disk, say: the next commit that needs it hears of it as well.
            tracing::debug!("the log is not in the file yet: {error}");
        }
    }
}

fn bring(path: &Path, kept: &mut Option<Connection>) -> rusqlite::Result<()> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?),
    };
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn committed(writer: &Connection, pages: c_int) {
        writer
            .execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO a SELECT randomblob(4000) FROM n",
                [pages],
            )
            .unwrap();
    }

    fn opened(folder: &Path) -> (Connection, PathBuf, PathBuf) {
        let (path, log) = (folder.join("x.db"), folder.join("x.db-wal"));
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        writer.execute_batch("CREATE TABLE a (b BLOB)").unwrap();
        watch(&writer);
        (writer, path, log)
    }

    #[test]
    fn the_thread_brings_a_long_log_into_the_file_and_nobody_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, path, _) = opened(folder.path());
        let checkpointer = Checkpointer::start(&path);
        committed(&writer, BEGINS - 500);
        checkpointer.committed();
        assert!(fs::metadata(&path).unwrap().len() < 100_000, "it is not long yet");
        committed(&writer, 600);
        checkpointer.committed();
        drop(checkpointer);
        assert!(fs::metadata(&path).unwrap().len() > 4_000 * 5_000);
    }

    #[test]
    fn the_log_is_begun_anew_though_the_thread_never_runs() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, _, log) = opened(folder.path());
        (0..30).for_each(|_| committed(&writer, 1_000));
        assert!(fs::metadata(log).unwrap().len() < 4_200 * 8_000);
    }
}
