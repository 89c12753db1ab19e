use super::stage::{Stage, at};
use crate::domain::beat::Showing;
use crate::store::incidents;

#[tokio::test]
async fn a_resolved_key_is_never_used_again() {
    let mut stage = Stage::new(&["job"]).await;
    for round in 0..2 {
        let now = 1_000 + round * 1_000;
        for offset in 0..3 {
            let mut beat = stage.beat("job", Showing::Bad, now + offset);
            beat.health.as_mut().unwrap().since = Some(at(7));
            stage.hear(beat, now + offset).await.unwrap();
        }
        assert_eq!(stage.told("ops", now + 10).await, ["check.down job"], "round {round}");
        stage.up("job", now + 500).await;
        assert_eq!(stage.told("ops", now + 500).await, ["check.resolved job"], "round {round}");
    }
    let mut reader = stage.monitor.store.read().await.unwrap();
    let over = incidents::newest_resolved(&mut reader, 10).await.unwrap();
    assert_eq!(over.len(), 2);
}

#[tokio::test]
async fn the_same_key_is_made_by_whoever_tells_it() {
    let mut stage = Stage::new(&["job"]).await;
    for offset in 0..3 {
        let mut beat = stage.beat("job", Showing::Bad, 1_000 + offset);
        beat.health.as_mut().unwrap().since = Some(at(900));
        stage.hear(beat, 1_000 + offset).await.unwrap();
    }
    let notices = stage.notices("ops", 2_000).await;
    assert_eq!(notices[0].key, format!("job-{}/check.down/ops", at(900).as_millis()));
}

#[tokio::test]
async fn an_unexpected_exit_is_an_incident_even_when_it_is_back_before_fall() {
    let mut stage = Stage::new(&["blue"]).await;
    let beat = stage.beat("blue", Showing::Exited, 1_000);
    stage.hear(beat, 1_000).await.unwrap();
    stage.up("blue", 1_200).await;
    let notices = stage.notices("ops", 1_300).await;
    assert_eq!(notices.len(), 1);
    assert!(notices[0].reason.contains("answered 500"), "{}", notices[0].reason);
}
