//! Many that fall at once.

use allswell::domain::beat::BeatKind;

use super::stage::Stage;

const COUNT: usize = 12;

#[tokio::test]
async fn a_dozen_that_fall_silent_at_once_are_one_message_and_one_end() {
    let names: Vec<String> = (1..=COUNT).map(|number| format!("job-{number:02}")).collect();
    let tables: String = names.iter().map(|name| format!("[[check]]\nname = \"{name}\"\nperiod = \"2s\"\ngrace = \"2s\"\n")).collect();
    let stage = Stage::new("", &tables).await;
    let group =
        || stage.ops.taken().into_iter().find(|taken| taken.body["data"]["also"].as_array().is_some_and(|also| also.len() == COUNT));
    let down = crate::harness::eventually("one message names them all", || async { group() }).await;
    let words = down.body["data"]["reason"].as_str().unwrap();
    assert!(words.starts_with("12 checks went down together: job-01, job-02,"), "{words}");
    assert!(words.contains("nothing at all was ever heard: the common cause may be ours"), "{words}");
    let status = stage.run(&["status"]).await.out;
    assert!(status.contains("12 checks: 12 checks went down together"), "{status}");
    let (_, page) = stage.sender.get("/").await.unwrap();
    assert!(page.contains("12 checks are not working"), "{page}");

    for name in &names {
        assert_eq!(stage.sender.say(name, BeatKind::Success).await, Some(200));
    }
    let check = down.body["data"]["check"].as_str().unwrap();
    stage.told(&format!("check.resolved {check}"), 1).await;
    let told = stage.ops.taken();
    assert_eq!(told.len(), 2, "{:?}", stage.ops.told());
    assert_eq!(told[0].body["data"]["incident"], told[1].body["data"]["incident"]);
}
