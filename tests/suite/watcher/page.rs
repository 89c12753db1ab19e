//! What people see.

use allswell::domain::beat::{BeatKind, Live};
use allswell::domain::colour::Colour;

use super::stage::Stage;

#[tokio::test]
async fn the_page_shows_what_is_live_what_is_wrong_and_who_would_not_hear() {
    let stage = Stage::new("").await;
    let sender = &stage.sender;
    let live = Live { colour: Some(Colour::Blue), epoch: 3, phase: None, deploy: None, expected: None, journal: Vec::new() };
    assert_eq!(sender.send(&sender.prober(live)).await, Some(200));
    assert_eq!(sender.say("blue", BeatKind::Success).await, Some(200));
    assert_eq!(sender.say("green", BeatKind::Fail).await, Some(200));
    let (status, page) = sender.get("/").await.unwrap();
    assert_eq!(status, 200);
    for words in ["working", "failing, 1 of 3", "answered 500", "never heard", "it is the only one", "Live: "] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("style=") && !page.contains("<script>"), "nothing inline");
    for _ in 0..2 {
        assert_eq!(sender.say("green", BeatKind::Fail).await, Some(200));
    }
    let (_, page) = sender.get("/").await.unwrap();
    assert!(page.contains("1 open incident") && page.contains("green is not working"), "{page}");
    let (status, style) = sender.get("/style.css").await.unwrap();
    assert!(status == 200 && style.contains("prefers-color-scheme: dark"));
}
