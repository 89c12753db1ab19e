use uuid::Uuid;

use super::stage::{Stage, at};
use crate::domain::quiet::QuietKind;
use crate::domain::sent::Made;
use crate::monitor::orders::QuietOrder;
use crate::store::{checks, made};

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

#[tokio::test]
async fn what_waits_for_its_first_beat_waits_after_a_pause_too() {
    let stage = Stage::new(&[]).await;
    let told = Made { uuid: Uuid::from_u128(5), period_ms: 1_000, grace_ms: 1_000 };
    let mut transaction = stage.monitor.store.begin().await.unwrap();
    checks::save(&mut transaction, made::new("job", &told, at(0))).await.unwrap();
    transaction.commit().await.unwrap();
    stage.monitor.quiet(order(QuietKind::Pause, 5_000), at(1_000)).await.unwrap();
    stage.sweep(1_000, 30_000).await;
    assert!(stage.open().await.is_empty(), "it was never heard, and nobody promised it");
}
