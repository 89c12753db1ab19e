//! A copy of the store, taken from a running watcher, and brought back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use allswell::domain::beat::BeatKind;
use rustix::process::Signal;

use super::stage::Stage;
use crate::harness::{Host, Postgres, allswell};

const CHECK: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";

#[tokio::test]
async fn a_copy_of_the_store_is_taken_while_beats_come_in_and_is_the_store_again() {
    let mut stage = Stage::new(CHECK).await;
    let (before, after) = (stage.sender.beat("backup", BeatKind::Success), stage.sender.beat("backup", BeatKind::Success));
    assert_eq!(stage.sender.send(&before).await, Some(200));
    let ran = allswell(&stage.host, &["--state", "state", "backup", "copy.db"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("stop the watcher"), "{ran:?}");
    assert_eq!(fs::metadata(stage.host.path("copy.db")).unwrap().permissions().mode() & 0o777, 0o600);
    let ran = allswell(&stage.host, &["--state", "state", "backup", "copy.db"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("is there already"), "{ran:?}");

    assert_eq!(stage.sender.send(&after).await, Some(200));
    stage.watcher.signal(Signal::KILL);
    stage.watcher.end(Duration::from_secs(5)).await;
    for end in ["-wal", "-shm"] {
        // They are not there where everything was written back.
        let _ = fs::remove_file(stage.host.path(&format!("state/watcher.db{end}")));
    }
    fs::copy(stage.host.path("copy.db"), stage.host.path("state/watcher.db")).unwrap();
    stage.again().await;
    assert_eq!(stage.sender.send_again(&before).await, Some((200, true)), "what was stored before the copy is there");
    assert_eq!(stage.sender.send_again(&after).await, Some((200, false)), "what came later is not");
}

#[tokio::test]
async fn a_server_s_store_is_copied_and_brought_back_by_its_own_tools() {
    let server = Postgres::start().await;
    let url = server.database().await;
    let mut stage = Stage::on(Host::new(), &format!("store = \"{url}\""), "every = \"1h\"", CHECK).await;
    let (before, after) = (stage.sender.beat("backup", BeatKind::Fail), stage.sender.beat("backup", BeatKind::Fail));
    assert_eq!(stage.sender.send(&before).await, Some(200));
    stage.told("check.down backup", Duration::from_secs(20)).await;
    server.tool("pg_dump", &["--format=custom", "--file=copy", "--dbname", &url]);
    assert_eq!(stage.sender.send(&after).await, Some(200));
    stage.watcher.signal(Signal::KILL);
    stage.watcher.end(Duration::from_secs(5)).await;
    server.tool("pg_restore", &["--clean", "--if-exists", "--exit-on-error", "--dbname", &url, "copy"]);
    stage.again().await;
    assert_eq!(stage.sender.send_again(&before).await, Some((200, true)), "what was stored before the copy is there");
    assert_eq!(stage.sender.send_again(&after).await, Some((200, false)), "what came later is not");
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    stage.told("check.resolved backup", Duration::from_secs(20)).await;
}

#[tokio::test]
async fn a_server_s_store_is_left_to_the_server_s_own_tools() {
    let stage = Stage::new(CHECK).await;
    let config = fs::read_to_string(stage.host.path("allswell.toml")).unwrap();
    let config = config.replace("[watcher]\n", "[watcher]\nstore = \"postgres://shop@localhost/shop\"\n");
    fs::write(stage.host.path("server.toml"), config).unwrap();
    let ran = allswell(&stage.host, &["--config", "server.toml", "--state", "state", "backup", "copy.db"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("pg_dump"), "{ran:?}");
    assert!(!stage.host.path("copy.db").exists());
}
