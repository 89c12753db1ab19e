//! What is forgotten, and what never is.

use allswell::domain::check::{Flip, Reason, Status};
use allswell::domain::incident::Incident;
use allswell::domain::notice::Notice;
use allswell::domain::sent::Sent;
use allswell::store::{Transaction, beats, notices, outbox, prune};

use super::ground::{at, beat, grounds};

/// The notice that this check is down, for this channel.
fn notice(check: &str, channel: &str) -> Notice {
    let reason = Reason::Silent { last_heard: None, farewell: None, forgiven: false };
    let flip = Flip { from: Status::Up, to: Status::Down, at: at(0), since: at(0), key_at: at(0), reason };
    Notice::about(&Incident::open(check, &flip, None), "shop", None, None, at(0)).for_channel(channel)
}

#[tokio::test]
async fn what_nobody_takes_keeps_nothing_else_from_being_forgotten() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        for number in 0..=prune::STEP {
            notices::write(&mut write, &notice(&format!("check {number}"), "dead"), "dead", at(0)).await.unwrap();
        }
        let taken = notice("job", "ops");
        notices::write(&mut write, &taken, "ops", at(0)).await.unwrap();
        outbox::take(&mut write, &taken.key, at(1), "ok").await.unwrap();
        assert_eq!(prune::oldest_notices(&mut write, at(10)).await.unwrap(), 1, "{}", ground.name);
        assert_eq!(outbox::waiting(&mut write, "dead").await.unwrap(), i64::from(prune::STEP) + 1);
    }
}

/// So many beats are received at this moment, by this key.
async fn receive(write: &mut Transaction, key: &str, count: u32, millis: i64) {
    for _ in 0..count {
        beats::insert(write, key, &beat("job", "one", None), at(millis), &Sent::default(), None).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_received_while_the_clock_was_ahead_keeps_nothing_from_being_forgotten() {
    const YEAR: i64 = 365 * 86_400_000;
    for ground in grounds().await {
        let mut write = ground.write().await;
        let count = async |write: &mut Transaction| beats::count(write).await.unwrap();
        receive(&mut write, "k", 3 * prune::STEP / 2, YEAR).await;
        receive(&mut write, "ping", 100, YEAR).await;
        receive(&mut write, "k", 200, 1).await;
        receive(&mut write, "ping", 100, 2).await;
        assert_eq!(prune::oldest_beats(&mut write, at(1), at(50)).await.unwrap(), 0, "{}: nothing beside it is old", ground.name);
        receive(&mut write, "k", 100, 20).await;
        let mut looked = 0;
        while let Some(edge) = prune::frequent_beats(&mut write, looked, at(10), at(50), "ping").await.unwrap() {
            assert!(edge > looked);
            looked = edge;
        }
        assert_eq!(count(&mut write).await, 300, "{}: 200 pings, and what is not old", ground.name);
        while prune::oldest_beats(&mut write, at(10), at(50)).await.unwrap() > 0 {}
        assert_eq!(count(&mut write).await, 100, "{}", ground.name);
    }
}
