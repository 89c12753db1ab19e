//! Who sends beats with a wrong signature, again and again, is told.

use allswell::domain::beat::BeatKind;
use allswell::signing::Key;

use super::stage::{KEY, Stage};
use crate::harness::{Sender, eventually};

#[tokio::test]
async fn a_sender_with_another_key_is_told_with_its_address_and_so_is_its_end() {
    let stage = Stage::new("strangers_after = \"1s\"", "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n").await;
    let stranger = Sender::new(&stage.host.at(7700), "another key");
    let down = "check.down signatures-watcher";
    eventually("it is told", || async {
        assert_eq!(stranger.say("backup", BeatKind::Success).await, Some(401));
        stage.sink.told().iter().any(|told| told == down).then_some(())
    })
    .await;
    let told = stage.sink.taken();
    let reason = told.iter().find(|taken| taken.kind == "check.down").unwrap().body["data"]["reason"].as_str().unwrap().to_owned();
    let who = format!("from 127.0.0.1 with the key id {}", Key::new("another key").id());
    assert!(reason.contains(&who), "{reason}");
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200), "who has the key {KEY} is heard meanwhile");
    stage.told("check.resolved signatures-watcher").await;
    let (_, metrics) = stage.sender.get("/metrics").await.unwrap();
    assert!(metrics.contains("allswell_beats_refused_total{reason=\"unauthorized\"}"), "{metrics}");
}
