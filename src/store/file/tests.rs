use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::clock;

/// Whether somebody else has run on the thread that a file holds up.
static OTHERS_RAN: AtomicBool = AtomicBool::new(false);

/// Stands still until others have run; false where they cannot.
fn others_ran() -> bool {
    let until = clock::elapsed() + Duration::from_secs(10);
    while !OTHERS_RAN.load(Ordering::SeqCst) && clock::elapsed() < until {
        std::thread::yield_now();
    }
    OTHERS_RAN.load(Ordering::SeqCst)
}

/// Does something on a thread of the runtime on which somebody else is to run as well.
async fn beside_others<T: Send + 'static>(act: impl Future<Output = T> + Send + 'static) -> T {
    OTHERS_RAN.store(false, Ordering::SeqCst);
    let both = async {
        tokio::spawn(async { OTHERS_RAN.store(true, Ordering::SeqCst) });
        act.await
    };
    tokio::spawn(both).await.unwrap()
}

/// On a disk that stands still while the connection is opened, and in each of its statements.
fn slowly(path: &Path, keeps: Keeps) -> Result<Connection, StoreError> {
    let connection = others_ran().then(|| to_write(path, keeps)).ok_or(StoreError::Busy)??;
    connection.progress_handler(1, Some(|| !others_ran()))?;
    Ok(connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_disk_that_stands_still_keeps_nobody_on_the_same_thread_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let file = File::open(&path, Keeps::OF_CHECKS).unwrap();
    let slow = || Pool::new(1, &path, (slowly, Keeps::OF_CHECKS), Vec::new());
    let file = File { writer: slow(), reader: slow(), ..file };
    let read = async |file: File| file.read().await?.rows("SELECT 1", &[]).map(drop);
    for pool in [file.writer.clone(), file.reader.clone()] {
        beside_others(async move { pool.lend().await.map(drop) }).await.expect("it is opened aside");
    }
    beside_others(read(file.clone())).await.expect("it is read aside");
    for outlives in [Outlives::PowerCut, Outlives::Crash] {
        let file = file.clone();
        let begun = beside_others(async move { file.begin(outlives).await }).await;
        let mut begun = begun.expect("a transaction begins aside");
        beside_others(async move { begun.commit() }).await.expect("it ends aside");
    }
}

#[tokio::test]
async fn a_connection_that_was_lost_is_replaced_by_one_that_can_do_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(&folder.path().join("x.db"), Keeps::OF_CHECKS).unwrap();
    let mut lent = file.begin(Outlives::PowerCut).await.unwrap();
    lent.opened.take();
    drop(lent);
    let mut lent = file.begin(Outlives::PowerCut).await.unwrap();
    lent.script("CREATE TABLE a (b INTEGER); INSERT INTO a VALUES (1)").unwrap();
    lent.run("COMMIT", &[]).unwrap();
    assert_eq!(file.read().await.unwrap().rows("SELECT b FROM a", &[]).unwrap().len(), 1);
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_unless_its_transaction_was_begun_for_less() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(&folder.path().join("x.db"), Keeps::OF_CHECKS).unwrap();
    for (outlives, level) in [(Outlives::PowerCut, 2), (Outlives::Crash, 1), (Outlives::PowerCut, 2)] {
        let lent = file.begin(outlives).await.unwrap();
        let connection = &lent.opened.as_ref().unwrap().connection;
        assert_eq!(connection.pragma_query_value(None, "synchronous", |row| row.get(0)), Ok(level), "{outlives:?}");
    }
}

#[tokio::test]
async fn whoever_reads_keeps_no_more_of_a_file_than_is_said_of_it() {
    let folder = tempfile::tempdir().unwrap();
    for keeps in [Keeps::OF_CHECKS, Keeps::OF_A_JOURNAL] {
        let file = File::open(&folder.path().join("x.db"), keeps).unwrap();
        let lent = file.read().await.unwrap();
        let kept = lent.opened.as_ref().unwrap().connection.pragma_query_value(None, "cache_size", |row| row.get(0));
        assert_eq!(kept, Ok(-keeps.reader_kib), "{keeps:?}");
    }
}

#[tokio::test]
async fn a_lock_that_somebody_outside_holds_for_a_moment_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let file = File::open(&path, Keeps::OF_CHECKS).unwrap();
    let (held, is_held) = std::sync::mpsc::channel();
    let outside = std::thread::spawn(move || {
        let outside = to_write(&path, Keeps::OF_CHECKS).unwrap();
        outside.execute_batch("BEGIN IMMEDIATE").unwrap();
        held.send(()).unwrap();
        // For as long as somebody else may write.
        std::thread::sleep(PATIENCE);
        outside.execute_batch("COMMIT").unwrap();
    });
    is_held.recv().unwrap();
    file.begin(Outlives::PowerCut).await.unwrap();
    outside.join().unwrap();
}

#[tokio::test]
async fn a_file_that_its_name_does_not_lead_to_any_more_is_not_written_until_it_does_again() {
    let folder = tempfile::tempdir().unwrap();
    let [named, log, aside] = ["x.db", "x.db-wal", "aside"].map(|name| folder.path().join(name));
    let file = File::open(&named, Keeps::OF_CHECKS).unwrap();
    drop(file.begin(Outlives::PowerCut).await.unwrap());
    for name in [named, log] {
        fs::rename(&name, &aside).unwrap();
        assert!(matches!(file.begin(Outlives::PowerCut).await, Err(StoreError::Lost(_))), "{} is gone", name.display());
        fs::write(&name, "").unwrap();
        assert!(matches!(file.begin(Outlives::PowerCut).await, Err(StoreError::Lost(_))), "{} is another", name.display());
        fs::rename(&aside, &name).unwrap();
        assert!(file.begin(Outlives::PowerCut).await.is_ok(), "{} is back", name.display());
    }
}
