//! Silence is told, and its end.

use std::time::Duration;

use allswell::domain::beat::BeatKind;

use super::stage::Stage;

const CHECK: &str = "[[check]]\nname = \"backup\"\nperiod = \"1s\"\ngrace = \"1s\"\n";

#[tokio::test]
async fn a_check_that_falls_silent_is_told_and_so_is_its_return() {
    let stage = Stage::new(CHECK).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    assert_eq!(stage.sink.told(), Vec::<String>::new());
    stage.told("check.down backup", Duration::from_secs(6)).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    stage.told("check.resolved backup", Duration::from_secs(3)).await;
    let taken = stage.sink.taken();
    assert_eq!(taken.len(), 2, "one of each: {:?}", stage.sink.told());
    assert_eq!(taken[0].body["data"]["incident"], taken[1].body["data"]["incident"]);
    assert!(taken[0].body["data"]["reason"].as_str().unwrap().starts_with("no beat since"), "{}", taken[0].body);
    assert!(taken[1].body["data"]["duration_seconds"].is_u64(), "{}", taken[1].body);
}

#[tokio::test]
async fn a_check_that_was_never_heard_is_told() {
    let stage = Stage::new(CHECK).await;
    stage.told("check.down backup", Duration::from_secs(6)).await;
    assert_eq!(stage.sink.taken()[0].body["data"]["reason"], "never heard");
}
