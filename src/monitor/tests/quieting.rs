use super::stage::{Stage, at};
use crate::domain::quiet::QuietKind;
use crate::monitor::orders::QuietOrder;

fn order(kind: QuietKind, for_ms: u64) -> QuietOrder {
    QuietOrder { check: "job".into(), kind, for_ms, by: "ann@desk".into(), note: None }
}

#[tokio::test]
async fn a_mute_in_the_place_of_a_pause_has_the_check_expected_again() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 0).await;
    stage.monitor.quiet(order(QuietKind::Pause, 86_400_000), at(100)).await.unwrap();
    stage.sweep(200, 10_000).await;
    assert!(stage.open().await.is_empty());
    stage.monitor.quiet(order(QuietKind::Mute, 20_000), at(10_000)).await.unwrap();
    stage.sweep(10_000, 15_000).await;
    let open: Vec<_> = stage.open().await.into_iter().map(|open| open.incident.check).collect();
    assert_eq!((open, stage.told("ops", 15_000).await.len()), (vec!["job".to_owned()], 0), "it is down, and that is not told yet");
    stage.sweep(15_000, 31_000).await;
    assert_eq!(stage.told("ops", 31_000).await, ["check.down job"]);
}
