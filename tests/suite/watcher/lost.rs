//! A store whose name leads nowhere any more: SQLite would go on writing what nobody finds.

use std::fs;
use std::time::Duration;

use allswell::domain::beat::BeatKind;

use super::stage::Stage;
use crate::harness::within;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_store_that_is_deleted_is_answered_503_told_from_memory_and_told_again_when_it_is_back() {
    let stage = Stage::new("[[check]]\nname = \"backup\"\nperiod = \"1h\"\n").await;
    let stored = stage.sender.beat("backup", BeatKind::Success);
    assert_eq!(stage.sender.send(&stored).await, Some(200));
    let (named, kept) = (stage.host.path("state/watcher.db"), stage.host.path("state/kept.db"));
    fs::hard_link(&named, &kept).unwrap();
    fs::remove_file(&named).unwrap();

    let refused = stage.sender.beat("backup", BeatKind::Success);
    assert_eq!(stage.sender.send(&refused).await, Some(503));
    within(SOON, "/healthz says 503", || async {
        let (status, _) = stage.sender.get("/healthz").await?;
        (status == 503).then_some(())
    })
    .await;
    stage.told("check.down watcher", SOON).await;
    let reason = stage.sink.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("watcher.db was deleted, moved or replaced"), "{reason}");

    fs::rename(&kept, &named).unwrap();
    stage.told("check.resolved watcher", SOON).await;
    assert_eq!(stage.sender.send_again(&stored).await, Some((200, true)));
    assert_eq!(stage.sender.send_again(&refused).await, Some((200, false)));
}
