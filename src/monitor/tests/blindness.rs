use super::stage::{Stage, at};
use crate::domain::check::Status;
use crate::domain::notice::NoticeKind;

#[tokio::test]
async fn a_deadline_that_fell_while_we_were_down_moves_once() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 2_000).await;
    stage.restart(12_000).await;
    stage.sweep(12_000, 41_800).await;
    assert_eq!(stage.status("job").await, Status::Up, "it has 30 s from our return");
    let told = stage.notices("ops", 41_800).await;
    assert_eq!((told.len(), told[0].kind), (1, NoticeKind::WatcherBlind));
    assert!(told[0].reason.contains("deadlines moved once: job"), "{}", told[0].reason);
    stage.restart(48_000).await;
    stage.sweep(48_000, 49_600).await;
    assert_eq!(stage.status("job").await, Status::Down, "not twice");
    let told = stage.notices("ops", 49_600).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("blind"), "the message says so: {}", told[0].reason);
}

#[tokio::test]
async fn a_loop_that_stood_still_was_blind_too() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 2_000).await;
    stage.sweep(9_000, 9_800).await;
    assert_eq!(stage.status("job").await, Status::Up);
    assert_eq!(stage.told("ops", 9_800).await, ["watcher.blind watcher"]);
}

#[tokio::test]
async fn a_loop_that_stood_still_before_its_first_sweep_was_blind_too() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(9_000, 9_800).await;
    assert_eq!(stage.status("job").await, Status::Up);
}

#[tokio::test]
async fn a_blind_time_in_which_nothing_was_due_is_told_only_when_it_was_long() {
    let mut stage = Stage::new(&[]).await;
    stage.sweep(0, 1_000).await;
    stage.sweep(50_000, 50_000).await;
    assert!(stage.told("ops", 50_000).await.is_empty());
    stage.monitor.stop(at(50_000)).await.unwrap();
    stage.restart(111_000).await;
    stage.sweep(111_000, 111_000).await;
    let told = stage.notices("ops", 111_000).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("it had been stopped"), "{}", told[0].reason);
}

#[tokio::test]
async fn a_short_gap_forgives_nothing() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 3_600).await;
    stage.sweep(5_400, 6_400).await;
    assert_eq!(stage.status("job").await, Status::Down);
}

#[tokio::test]
async fn what_was_sent_while_we_stood_still_is_heard_before_silence_counts() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 2_400).await;
    // Stopped until its deadline, at 4 s, is over; what it has sent meanwhile lies before our door.
    stage.sweep(5_000, 5_000).await;
    stage.good("job", 5_050).await;
    stage.sweep(5_200, 7_000).await;
    assert_eq!(stage.status("job").await, Status::Up);
    assert!(stage.told("ops", 7_000).await.is_empty());
}

#[tokio::test]
async fn a_machine_on_which_every_sweep_is_late_tells_all_the_same() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    for now in (1_000..=8_000).step_by(1_500) {
        stage.sweep(now, now).await;
    }
    assert_eq!(stage.status("job").await, Status::Down);
}
