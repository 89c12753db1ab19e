use std::time::Duration;

use uuid::Uuid;

use super::stage::{Stage, at, settings};
use crate::domain::beat::{BeatKind, Showing};
use crate::domain::check::Status;
use crate::domain::sent::Made;
use crate::monitor::{Ack, IngestError, PING};
use crate::store::beats;

#[tokio::test]
async fn the_same_beat_again_changes_nothing() {
    let mut stage = Stage::new(&["job"]).await;
    let beat = stage.beat("job", Showing::Bad, 1_000);
    assert_eq!(stage.hear(beat.clone(), 1_000).await, Ok(Ack::Stored));
    for again in 1..5 {
        assert_eq!(stage.hear(beat.clone(), 1_000 + again).await, Ok(Ack::Repeated));
    }
    assert_eq!(stage.status("job").await, Status::Failing, "one bad answer, not five");
    let mut reader = stage.monitor.store.read().await.unwrap();
    assert_eq!(beats::count(&mut reader).await.unwrap(), 1);
}

#[tokio::test]
async fn a_row_that_the_store_refuses_fails_alone() {
    let mut stage = Stage::new(&["job", "other"]).await;
    let good = stage.beat("job", Showing::Good, 1_000);
    let mut refused = stage.beat("job", Showing::Bad, 1_000);
    refused.identity.instance = "x".repeat(500);
    let unknown = stage.beat("nobody", Showing::Good, 1_000);
    let last = stage.beat("other", Showing::Good, 1_000);
    let batch: Vec<_> = [good, refused, unknown, last].into_iter().map(|beat| stage.arrived(beat, 1_000)).collect();
    let answers = stage.monitor.ingest(&batch, at(1_000)).await;
    assert_eq!((&answers[0], &answers[3]), (&Ok(Ack::Stored), &Ok(Ack::Stored)));
    assert!(matches!(answers[1], Err(IngestError::Refused(_))), "{:?}", answers[1]);
    assert_eq!(answers[2], Err(IngestError::UnknownCheck("nobody".into())));
    assert_eq!(stage.status("job").await, Status::Up, "what was refused has changed nothing");
    assert_eq!(stage.monitor.pulse().trouble(at(1_000)), None, "the store itself works");
}

#[tokio::test]
async fn a_lone_beat_is_committed_at_once_and_a_full_queue_in_groups() {
    let mut stage = Stage::new(&["job"]).await;
    let (ingest, loops) = stage.monitor.loops(Vec::new());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(loops.run(stopped));
    let beats: Vec<_> = (0..200).map(|_| stage.beat("job", Showing::Good, 1_000)).collect();
    let sends = beats.into_iter().map(|beat| ingest.beat(stage.arrived(beat, 1_000)));
    let answers = futures_util::future::join_all(sends).await;
    assert!(answers.iter().all(|answer| *answer == Ok(Ack::Stored)));
    stop.send_replace(true);
    drop(ingest);
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("the loops end").unwrap().unwrap();
}

#[tokio::test]
async fn a_store_that_is_gone_is_said_so_and_known_until_it_works_again() {
    let mut stage = Stage::new(&["job"]).await;
    let beat = stage.beat("job", Showing::Good, 1_000);
    let lock = stage.monitor.store.begin().await.unwrap();
    assert!(matches!(stage.hear(beat.clone(), 1_000).await, Err(IngestError::Unavailable(_))));
    assert!(stage.monitor.pulse().trouble(at(1_000)).unwrap().contains("store"));
    drop(lock);
    assert_eq!(stage.hear(beat, 1_100).await, Ok(Ack::Stored));
    assert_eq!(stage.monitor.pulse().trouble(at(1_100)), None);
}

#[tokio::test]
async fn what_is_expected_no_more_is_forgotten_and_what_is_new_is_due_from_now() {
    let mut stage = Stage::new(&["job"]).await;
    stage.sweep(0, 4_000).await;
    assert_eq!(stage.told("ops", 4_000).await, ["check.down job"]);
    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::Store::open("sqlite:w.db", folder.path()).await.unwrap();
    drop(store);
    stage.monitor = crate::monitor::Monitor::new(stage.monitor.store.clone(), settings(&["other"]));
    stage.monitor.start(at(4_200)).await.unwrap();
    assert!(stage.open().await.is_empty());
    let over = stage.notices("ops", 4_200).await;
    assert!(over[0].reason.starts_with("no longer expected"), "{}", over[0].reason);
    stage.sweep(4_200, 7_600).await;
    assert_eq!(stage.status("other").await, Status::New);
    stage.sweep(7_800, 7_800).await;
    assert_eq!(stage.status("other").await, Status::Down);
}

#[tokio::test]
async fn what_is_old_is_forgotten_step_by_step_and_pings_are_kept_longer() {
    const HOUR: i64 = 3_600_000;
    let mut stage = Stage::new(&["job"]).await;
    let mut batch = Vec::new();
    for number in 0..2_500 {
        let mut beat = stage.beat("job", Showing::Good, number);
        beat.kind = BeatKind::Log;
        let mut arrived = stage.arrived(beat, number);
        if number % 500 == 0 {
            arrived.key_id = PING.to_owned();
        }
        batch.push(arrived);
    }
    stage.monitor.ingest(&batch, at(2_500)).await;
    drop(batch);
    let monitor = stage.monitor.clone();
    let count = || async { beats::count(&mut monitor.store.read().await.unwrap()).await.unwrap() };
    assert!(!stage.monitor.prune(at(HOUR)).await.unwrap());
    assert_eq!(count().await, 2_500, "an hour is to be kept");
    let mut steps = 0;
    while stage.monitor.prune(at(HOUR + 10_000)).await.unwrap() {
        steps += 1;
    }
    assert_eq!((count().await, steps), (5, 2), "a thousand rows at a time; the pings are left");
    stage.monitor.prune(at(2 * HOUR + 10_000)).await.unwrap();
    assert_eq!(count().await, 0);
    stage.good("job", 3 * HOUR).await;
    stage.monitor.prune(at(5 * HOUR)).await.unwrap();
    assert_eq!(count().await, 0, "rows that count from the beginning again are found");
}

#[tokio::test]
async fn as_many_checks_are_made_by_their_first_beat_as_may_be_and_each_is_its_own() {
    let mut stage = Stage::new(&["job"]).await;
    let made = Made { uuid: Uuid::from_u128(1), period_ms: 1_000, grace_ms: 1_000 };
    let mut batch = Vec::new();
    for name in ["one", "one", "job", "blue", "two", "three", "four"] {
        let beat = stage.beat(name, Showing::Good, 1_000);
        let mut arrived = stage.arrived(beat, 1_000);
        arrived.sent.making = Some(made.clone());
        batch.push(arrived);
    }
    let answers = stage.monitor.ingest(&batch, at(1_000)).await;
    drop(batch);
    let taken = |name: &str| Err(IngestError::NameTaken(name.into()));
    let (new, old) = (Ok(Ack::Created), Ok(Ack::Stored));
    assert_eq!(answers, [new.clone(), old, taken("job"), taken("blue"), new.clone(), new, Err(IngestError::TooMany(3))]);
    stage.restart(1_500).await;
    stage.sweep(1_600, 4_000).await;
    assert_eq!(stage.status("one").await, Status::Down, "due after a second, and silent for another");
}
