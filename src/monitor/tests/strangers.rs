//! Who sends wrongly signed beats again and again, across a restart or a reload: told for 60 s, as the settings of the stage are.

use super::stage::{Stage, at};
use crate::monitor::orders::AckOrder;
use crate::store::acknowledgements;

/// One beat of a stranger's.
fn stranger(stage: &Stage, now: i64) {
    stage.monitor.stranger("192.0.2.1", "abc", at(now));
}

/// Looks every 10 s, and says what `ops` is told meanwhile, with the moment.
async fn look(stage: &Stage, from: i64, to: i64) -> Vec<(i64, String)> {
    let mut told = Vec::new();
    for now in (from..=to).step_by(10_000) {
        stage.monitor.look_for_strangers(at(now)).await.unwrap();
        told.extend(stage.told("ops", now).await.into_iter().map(|words| (now, words)));
    }
    told
}

/// Told at 60 s.
async fn told() -> Stage {
    let stage = Stage::new(&[]).await;
    for now in (0..=60_000).step_by(10_000) {
        stranger(&stage, now);
    }
    assert_eq!(look(&stage, 60_000, 60_000).await, [(60_000, "check.down signatures-watcher".to_owned())]);
    stage
}

#[tokio::test]
async fn who_goes_on_after_a_restart_is_the_same_incident_and_stays_acknowledged() {
    let mut stage = told().await;
    let order = AckOrder { which: None, by: "ann@desk".into(), note: None };
    let acknowledged = stage.monitor.acknowledge(&order, at(65_000)).await.unwrap();
    stage.restart(70_000).await;
    let mut told = Vec::new();
    // As seldom as may be: each of them is nearly forgotten when the next one comes.
    for now in [180_000, 300_000, 420_000] {
        told.extend(look(&stage, now - 110_000, now - 10_000).await);
        stranger(&stage, now);
    }
    told.extend(look(&stage, 420_000, 540_000).await);
    assert!(told.is_empty(), "it goes on: {told:?}");
    let open = stage.open().await;
    assert_eq!((open.len(), &open[0].incident.key), (1, &acknowledged.incident));
    let mut reader = stage.monitor.store.read().await.unwrap();
    let said = acknowledgements::of(&mut reader, &open[0].incident.key).await.unwrap();
    assert_eq!(said, Some(acknowledged.acknowledged));
    drop(reader);
    assert_eq!(look(&stage, 550_000, 700_000).await, [(550_000, "check.resolved signatures-watcher".to_owned())], "once he is forgotten");
}

#[tokio::test]
async fn who_has_ended_by_the_restart_is_told_as_over_when_he_would_have_been_found_again() {
    let mut stage = told().await;
    stage.restart(70_000).await;
    assert!(look(&stage, 70_000, 430_000).await.is_empty(), "for six minutes nobody knows");
    assert_eq!(look(&stage, 440_000, 900_000).await, [(440_000, "check.resolved signatures-watcher".to_owned())]);
}

#[tokio::test]
async fn a_clock_that_is_set_makes_nobody_wait_longer_for_the_end() {
    let mut stage = told().await;
    stage.restart(70_000).await;
    assert!(look(&stage, 70_000, 80_000).await.is_empty());
    stage.monitor.redate(|| -3_600_000);
    assert!(look(&stage, 90_000 - 3_600_000, 430_000 - 3_600_000).await.is_empty());
    assert_eq!(look(&stage, 440_000 - 3_600_000, 440_000 - 3_600_000).await.len(), 1);
}
