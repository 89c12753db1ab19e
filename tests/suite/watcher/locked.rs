//! A store that is locked from outside: nobody is told that all's well, and somebody hears why.

use std::time::Duration;

use allswell::domain::beat::BeatKind;
use rusqlite::Connection;

use super::stage::Stage;
use crate::harness::within;

#[tokio::test]
async fn a_locked_store_is_answered_503_told_from_memory_and_told_again_when_it_works() {
    let stage = Stage::new("[[check]]\nname = \"backup\"\nperiod = \"1h\"\n").await;
    let outside = Connection::open(stage.host.path("state/watcher.db")).unwrap();
    outside.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let beat = stage.sender.beat("backup", BeatKind::Success);
    assert_eq!(stage.sender.send(&beat).await, Some(503));
    within(Duration::from_secs(5), "/healthz says 503", || async {
        let (status, _) = stage.sender.get("/healthz").await?;
        (status == 503).then_some(())
    })
    .await;
    stage.told("check.down watcher", Duration::from_secs(8)).await;

    outside.execute_batch("ROLLBACK").unwrap();
    within(Duration::from_secs(10), "the beat is stored", || async { (stage.sender.send(&beat).await == Some(200)).then_some(()) }).await;
    stage.told("check.resolved watcher", Duration::from_secs(8)).await;
    let (status, _) = stage.sender.get("/healthz").await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(stage.sink.told().iter().filter(|told| *told == "check.down watcher").count(), 1);
}
