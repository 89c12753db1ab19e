//! Two watchers on one store, step by step.

use allswell::domain::check::Status;
use allswell::domain::sent::Sent;
use allswell::monitor::{Arrival, Arrived, Monitor};
use allswell::store::{checks, flips, incidents};

use super::ground::{Ground, at, beat, grounds, settings};

/// Both have begun, and `job` was heard at 1 s: it is down at 4 s.
async fn two() -> (Ground, [Monitor; 2]) {
    let [_, ground] = grounds().await;
    let of = |name| settings(name, (1, 2), Vec::new());
    let watchers = [Monitor::new(ground.store.clone(), of("one")), Monitor::new(ground.again().await.unwrap(), of("two"))];
    for watcher in &watchers {
        watcher.start(at(0)).await.unwrap();
    }
    let arrival = watchers[0].arrivals().arrive(|| at(1_000));
    commit(&watchers[0], arrival, 1_000).await;
    sweep(&watchers, 1_200, 3_600).await;
    (ground, watchers)
}

async fn commit(watcher: &Monitor, arrival: Arrival, now: i64) {
    let arrived = Arrived { key_id: "k".into(), beat: beat("job", "one", None), arrival, sent: Sent::default() };
    assert!(watcher.ingest(&[arrived], at(now)).await.iter().all(Result::is_ok));
}

async fn sweep(watchers: &[Monitor], from: i64, to: i64) {
    for now in (from..=to).step_by(200) {
        for watcher in watchers {
            watcher.sweep(at(now), false).await.unwrap();
        }
    }
}

async fn status(ground: &Ground) -> Status {
    checks::find(&mut ground.read().await, "job").await.unwrap().unwrap().state.status
}

#[tokio::test]
async fn a_beat_that_one_watcher_has_in_hand_keeps_the_other_from_telling_silence() {
    let (ground, watchers) = two().await;
    let in_time = watchers[0].arrivals().arrive(|| at(3_700));
    sweep(&watchers, 3_800, 6_000).await;
    commit(&watchers[0], in_time, 6_000).await;
    sweep(&watchers, 6_200, 6_800).await;
    assert_eq!(status(&ground).await, Status::Up);
    assert_eq!(
        flips::last_of(&mut ground.read().await, "job").await.unwrap().map(|stored| stored.flip.to),
        Some(Status::Up),
        "nor was it down"
    );
    sweep(&watchers, 7_000, 8_200).await;
    assert_eq!(status(&ground).await, Status::Down, "real silence is told by both together within the bound");
}

/// The checks whose incidents are open.
async fn open(ground: &Ground) -> Vec<String> {
    incidents::open(&mut ground.read().await).await.unwrap().into_iter().map(|open| open.incident.check).collect()
}

#[tokio::test]
async fn what_one_watcher_tells_of_itself_is_over_when_it_says_so_and_not_when_another_one_starts() {
    let (ground, [one, two]) = two().await;
    two.config_is(Some("no such key"), at(3_600)).await.unwrap();
    two.certificate_is(Some("it ends soon"), at(3_600)).await.unwrap();
    one.config_is(None, at(3_700)).await.unwrap();
    one.certificate_is(None, at(3_700)).await.unwrap();
    one.start(at(3_800)).await.unwrap();
    assert_eq!(open(&ground).await, ["certificate-two", "config-two"]);
    two.config_is(None, at(3_900)).await.unwrap();
    two.certificate_is(None, at(3_900)).await.unwrap();
    assert_eq!(open(&ground).await, [""; 0]);
}

#[tokio::test]
async fn a_watcher_that_is_gone_or_has_ended_keeps_nobody_waiting() {
    let (ground, watchers) = two().await;
    let _never_committed = watchers[0].arrivals().arrive(|| at(3_700));
    sweep(&watchers, 3_800, 4_000).await;
    sweep(&watchers[1..], 4_200, 6_800).await;
    assert_eq!(status(&ground).await, Status::Up);
    sweep(&watchers[1..], 7_000, 7_600).await;
    assert_eq!(status(&ground).await, Status::Down);
    let (ground, watchers) = two().await;
    watchers[0].stop(at(3_700)).await.unwrap();
    sweep(&watchers[1..], 3_800, 4_800).await;
    assert_eq!(status(&ground).await, Status::Down);
}
