//! The clock of a PostgreSQL server is set while several watchers work on it, step by step.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use allswell::clock;
use allswell::domain::check::{State, Status};
use allswell::domain::sent::Sent;
use allswell::monitor::{Arrived, ChannelRule, IngestError, Monitor};
use allswell::store::clock_steps::{Following, Shown, Steps};
use allswell::store::{Store, checks, outbox};
use futures_util::future::join_all;

use super::ground::{Ground, beat, ground_with_clock, grounds, settings};

const HOUR: i64 = 3_600;

/// A watcher that has begun and swept.
async fn watcher(store: Store) -> Monitor {
    // Every ten minutes, and down a minute later.
    let ops = ChannelRule { name: "ops".into(), fallback: None, say: None, timeout: Duration::from_secs(1) };
    let monitor = Monitor::new(store, settings("watcher", (600, 60), vec![ops]));
    monitor.find_time().await.unwrap();
    monitor.start(monitor.now()).await.unwrap();
    monitor.sweep(monitor.now(), false).await.unwrap();
    monitor
}

/// Whether a beat was stored.
async fn hear(watcher: &Monitor) -> bool {
    let arrival = watcher.arrive();
    let beat = beat("job", "one", None);
    let answers = watcher.ingest(&[Arrived { key_id: "k".into(), beat, arrival, sent: Sent::default() }], watcher.now()).await;
    assert!(matches!(answers[0], Ok(_) | Err(IngestError::Unavailable(_))), "{answers:?}");
    answers[0].is_ok()
}

async fn state(ground: &Ground) -> State {
    checks::find(&mut ground.read().await, "job").await.unwrap().unwrap().state
}

/// In milliseconds since the epoch.
async fn heard(ground: &Ground) -> i64 {
    state(ground).await.last_heard.unwrap().as_millis()
}

/// How many messages wait for the channel.
async fn told(ground: &Ground) -> i64 {
    outbox::waiting(&mut ground.read().await, "ops").await.unwrap()
}

/// By how many seconds this watcher's time is ahead of that of the tests, rounded.
fn ahead(watcher: &Monitor) -> i64 {
    (watcher.now().as_millis() - clock::now().as_millis() + 500).div_euclid(1_000)
}

async fn steps(store: &Store) -> (Shown, Steps) {
    let Following { transaction, shown, steps, .. } = store.begin_following().await.unwrap().unwrap();
    transaction.commit().await.unwrap();
    (shown, steps)
}

#[tokio::test]
async fn a_clock_of_the_database_that_is_set_is_followed_once_by_however_many_watchers_and_none_writes_by_another_one() {
    let (ground, server) = ground_with_clock().await;
    let mut watchers = Vec::new();
    for _ in 0..4 {
        watchers.push(watcher(ground.again().await.unwrap()).await);
    }
    assert!(hear(&watchers[0]).await);
    for (round, set) in [HOUR, 0].into_iter().enumerate() {
        let before = heard(&ground).await;
        let by = set - ahead(&watchers[0]);
        server.set_clock(set);
        for watcher in &watchers {
            assert!(!hear(watcher).await, "by the clock as it was, before the store is moved");
        }
        watchers[3].follow().await.unwrap();
        assert!(!hear(&watchers[0]).await, "by the clock as it was, after the store was moved");
        let followed = join_all(watchers.iter().map(Monitor::follow)).await;
        assert!(followed.iter().all(Result::is_ok), "{followed:?}");
        let moved = heard(&ground).await - before;
        assert!((moved - by * 1_000).abs() < 1_000, "by {by} s, and it was moved by {moved} ms");
        assert_eq!(told(&ground).await, i64::try_from(round).unwrap() + 1, "once");
        for watcher in &watchers {
            assert_eq!(ahead(watcher), set);
            watcher.sweep(watcher.now(), false).await.unwrap();
            assert!(hear(watcher).await);
        }
        assert_eq!(state(&ground).await.status, Status::Up, "by {by} s");
    }
    assert_eq!(told(&ground).await, 2, "and nothing else is told");
}

/// Follows the clock, and is gone before it has been woken so often. Says whether it had come to its end.
async fn follows_until(watcher: Monitor, woken: u64) -> bool {
    let mut left = woken;
    let mut follow = Box::pin(watcher.follow());
    let ended = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        follow.as_mut().poll(context).map(|followed| {
            followed.unwrap();
            true
        })
    });
    let has_ended = ended.await;
    drop(follow);
    drop(watcher);
    has_ended
}

#[tokio::test]
async fn a_watcher_that_is_gone_at_any_instant_of_moving_the_store_leaves_it_moved_or_not_and_the_next_one_finds_out_which() {
    let (ground, server) = ground_with_clock().await;
    let other = watcher(ground.again().await.unwrap()).await;
    assert!(hear(&other).await);
    // How often it is woken in all depends on how soon the server answers: where that was seldom, it is gone once more from the beginning.
    let (mut woken, mut given_up) = (0, 0);
    for round in 1..1_000 {
        woken += 1;
        let victim = watcher(ground.again().await.unwrap()).await;
        let (before, was_set) = (heard(&ground).await, ahead(&other));
        let set = if was_set == 0 { HOUR } else { 0 };
        server.set_clock(set);
        let has_ended = follows_until(victim, woken).await;
        other.follow().await.unwrap();
        let (moved, by) = (heard(&ground).await - before, (set - was_set) * 1_000);
        assert!((moved - by).abs() < 1_000, "round {round}: by {by} ms, and it was moved by {moved} ms");
        assert_eq!((steps(&ground.store).await.1.count, told(&ground).await), (round, i64::try_from(round).unwrap()), "once");
        assert_eq!(ahead(&other), set, "round {round}");
        other.sweep(other.now(), false).await.unwrap();
        assert!(hear(&other).await, "round {round}");
        assert_eq!(state(&ground).await.status, Status::Up, "round {round}");
        match has_ended {
            true if given_up >= 10 => return,
            true => woken = 0,
            false => given_up += 1,
        }
    }
    panic!("it comes to no end");
}

#[tokio::test]
async fn watchers_that_see_at_once_that_the_clock_of_the_database_was_set_move_the_store_once() {
    let (ground, server) = ground_with_clock().await;
    let mut watchers = Vec::new();
    for _ in 0..4 {
        watchers.push(watcher(ground.again().await.unwrap()).await);
    }
    for (round, set) in [-HOUR, HOUR].into_iter().enumerate() {
        server.set_clock(set);
        let followed = join_all(watchers.iter().map(Monitor::follow)).await;
        assert!(followed.iter().all(Result::is_ok), "{followed:?}");
        assert_eq!(steps(&ground.store).await.1.count, u64::try_from(round).unwrap() + 1);
        assert_eq!(watchers.iter().map(ahead).collect::<Vec<_>>(), [set; 4]);
    }
}

#[tokio::test]
async fn a_watcher_whose_machine_stood_still_moves_nobodys_deadlines() {
    let [_, ground] = grounds().await;
    let store = ground.again().await.unwrap();
    let paused = watcher(store.clone()).await;
    let other = watcher(ground.again().await.unwrap()).await;
    assert!(hear(&other).await);
    let before = (heard(&ground).await, steps(&ground.store).await.1);
    // What it has counted since is an hour less than what has passed.
    let (shown, known) = steps(&store).await;
    let _ = store.agree(Shown { ahead_ms: shown.ahead_ms - HOUR * 1_000, ..shown }, known);
    assert_eq!(ahead(&paused), -HOUR);
    assert!(!hear(&paused).await, "a beat of an hour ago");
    paused.follow().await.unwrap();
    assert_eq!(((heard(&ground).await, steps(&ground.store).await.1), told(&ground).await), (before, 0));
    assert_eq!(ahead(&paused), 0);
    assert!(hear(&paused).await && hear(&other).await);
}

#[tokio::test]
async fn a_clock_of_the_database_that_was_set_back_while_nobody_watched_is_followed_at_the_start() {
    let (ground, server) = ground_with_clock().await;
    let gone = watcher(ground.again().await.unwrap()).await;
    assert!(hear(&gone).await);
    let before = heard(&ground).await;
    drop(gone);
    server.set_clock(-HOUR);
    let next = watcher(ground.again().await.unwrap()).await;
    assert_eq!((ahead(&next), told(&ground).await), (-HOUR, 1));
    let moved = heard(&ground).await - before;
    assert!(moved < -(HOUR - 60) * 1_000, "by as much as is known: {moved} ms");
}
