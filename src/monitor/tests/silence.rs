use super::stage::{Stage, at};
use crate::domain::beat::Showing;
use crate::domain::check::Status;
use crate::store::checks;

#[tokio::test]
async fn silence_is_one_flip_one_incident_and_one_notice_for_each_channel() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 4_400).await;
    assert!(stage.open().await.is_empty(), "the deadline is at 4 s, and is looked for half a second later");
    stage.sweep(4_600, 9_000).await;
    let open = stage.open().await;
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].incident.since, open[0].opened_at), (at(4_000), at(4_600)));
    assert_eq!(stage.told("ops", 9_000).await, ["check.down job"]);
    assert_eq!(stage.told("mail", 9_000).await, ["check.down job"]);
    stage.up("job", 9_200).await;
    assert_eq!(stage.told("ops", 9_200).await, ["check.resolved job"]);
    assert!(stage.open().await.is_empty());
}

#[tokio::test]
async fn a_check_that_beats_is_looked_at_when_it_was_to_be_and_found_late_when_it_is() {
    let mut stage = Stage::new(&["job"]).await;
    let look_at = async |stage: &Stage| checks::find(&mut stage.monitor.store.read().await.unwrap(), "job").await.unwrap().unwrap().look_at;
    stage.sweep(0, 600).await;
    for now in [1_000, 1_500, 2_000] {
        stage.good("job", now).await;
        assert_eq!(look_at(&stage).await, Some(at(3_000)), "no beat writes down anew when it is due");
    }
    stage.sweep(2_200, 3_600).await;
    assert_eq!((look_at(&stage).await, stage.open().await.len()), (Some(at(5_000)), 0), "whoever looked has");
    stage.sweep(3_800, 5_600).await;
    assert_eq!(stage.open().await[0].incident.since, at(5_000));
}

#[tokio::test]
async fn silence_is_not_looked_for_beyond_a_beat_that_is_under_way() {
    let mut stage = Stage::new(&["job"]).await;
    let beat = stage.beat("job", Showing::Good, 2_900);
    let under_way = stage.arrived(beat, 2_900);
    stage.sweep(1_000, 60_000).await;
    assert_eq!(stage.status("job").await, Status::New);
    stage.monitor.ingest(&[under_way], at(60_100)).await.remove(0).unwrap();
    stage.sweep(60_200, 60_200).await;
    assert_eq!(stage.status("job").await, Status::Down, "now that it is committed, the silence since counts");
}

#[tokio::test]
async fn a_beat_in_time_that_is_stored_late_takes_the_flip_back() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    let late = stage.beat("job", Showing::Good, 3_900);
    stage.sweep(1_000, 4_600).await;
    let told = stage.claim("ops", 4_600).await.unwrap();
    stage.taken("ops", &told, 4_600).await;
    stage.hear(late, 3_900).await.unwrap();
    assert_eq!(stage.status("job").await, Status::Up);
    assert!(stage.open().await.is_empty());
    let resolved = stage.notices("ops", 4_800).await;
    assert_eq!(resolved.len(), 1);
    assert!(resolved[0].reason.starts_with("recorded late"), "{}", resolved[0].reason);
    assert!(stage.notices("mail", 4_800).await.is_empty(), "mail was told nothing yet, and hears nothing");
}

#[tokio::test]
async fn a_beat_that_came_too_late_takes_nothing_back() {
    let mut stage = Stage::new(&["job"]).await;
    stage.sweep(1_000, 4_600).await;
    stage.good("job", 4_700).await;
    assert_eq!(stage.status("job").await, Status::Down, "rise is 2");
    assert_eq!(stage.told("ops", 4_800).await, ["check.down job"]);
}

#[tokio::test]
async fn a_heartbeat_is_due_as_often_as_it_says_itself() {
    let mut stage = Stage::new(&["heartbeat-blue"]).await;
    let mut beat = stage.beat("heartbeat-blue", Showing::Good, 1_000);
    beat.every_ms = Some(10_000);
    stage.hear(beat, 1_000).await.unwrap();
    stage.sweep(1_000, 31_400).await;
    assert_eq!(stage.status("heartbeat-blue").await, Status::Up);
    stage.sweep(31_600, 31_600).await;
    assert_eq!(stage.status("heartbeat-blue").await, Status::Down);
}
