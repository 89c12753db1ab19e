//! Whatever a sender says is stored as it was said, or refused alone; never a fault of the store.

use allswell::domain::beat::Beat;
use allswell::domain::check::{Check, State};
use allswell::domain::moment::Moment;
use allswell::domain::schedule::Schedule;
use allswell::domain::sent::Sent;
use allswell::store::checks::{Seen, StoredCheck};
use allswell::store::{beats, checks};
use std::time::Duration;

use super::ground::{at, beat, grounds};

#[tokio::test]
async fn nul_bytes_large_bodies_and_every_letter_are_kept() {
    let large = "x".repeat(100 * 1024);
    for ground in grounds().await {
        let mut write = ground.write().await;
        for (instance, body) in [
            ("a\0b", "\0\0"),
            ("\0", "a\0"),
            ("\u{e000}0", "\u{e000}"),
            ("ä\u{10ffff}", "\u{feff}\u{202e}"),
            ("'; DROP TABLE beat; --", "?1 $1 :x"),
            ("large", &large),
        ] {
            let beat = beat("backup", instance, Some(body.to_owned()));
            assert!(beats::insert(&mut write, "k", &beat, at(1), &Sent::default(), None).await.unwrap(), "{}: {instance:?}", ground.name);
            assert!(
                !beats::insert(&mut write, "k", &beat, at(1), &Sent::default(), None).await.unwrap(),
                "{}: {instance:?} is known",
                ground.name
            );
        }
        let seen = Seen { instance: Some("a\0b".into()), reason: Some("\0".into()), ..Seen::default() };
        let check = Check { schedule: Schedule::Every(Duration::from_secs(60)), grace: Duration::ZERO, rise: 1, fall: 1, apart: None };
        let name = "a\0b\u{e000}".to_owned();
        let stored = StoredCheck { name, state: State::new(&check, at(0)), look_at: None, every_ms: None, seen, wanted: None, made: None };
        checks::save(&mut write, stored.clone()).await.unwrap();
        assert_eq!(checks::find(&mut write, &stored.name).await.unwrap(), Some(stored), "{}", ground.name);
        write.commit().await.unwrap();
        assert_eq!(beats::count(&mut ground.read().await).await.unwrap(), 6, "{}", ground.name);
    }
}

#[tokio::test]
async fn the_year_9999_and_the_largest_numbers_are_kept() {
    // 9999-12-31T23:59:59.999Z.
    let end = Moment::from_millis(253_402_300_799_999);
    for ground in grounds().await {
        let check = Check { schedule: Schedule::Every(Duration::from_secs(60)), grace: Duration::ZERO, rise: 1, fall: 1, apart: None };
        let state = State::new(&check, end);
        let seen = Seen { latency_ms: Some(u64::MAX), ..Seen::default() };
        let every_ms = Some(i64::MAX.unsigned_abs());
        let stored = StoredCheck { name: "far".into(), state, look_at: Some(end), every_ms, seen, wanted: None, made: None };
        let mut write = ground.write().await;
        checks::save(&mut write, stored.clone()).await.unwrap();
        assert_eq!(checks::find(&mut write, "far").await.unwrap(), Some(stored.clone()), "{}", ground.name);
        assert_eq!(checks::due(&mut write, end, None, 2).await.unwrap(), [stored]);
        let mut late = beat("far", "one", None);
        (late.sent_at, late.identity.sequence) = (end, i64::MAX.unsigned_abs());
        assert!(beats::insert(&mut write, "k", &late, end, &Sent::default(), None).await.unwrap(), "{}", ground.name);
    }
}

#[tokio::test]
async fn a_row_that_is_refused_is_known_as_such_and_the_store_goes_on() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        let refused: Beat = beat("backup", &"x".repeat(201), None);
        let error = beats::insert(&mut write, "k", &refused, at(1), &Sent::default(), None).await.unwrap_err();
        assert!(error.is_of_this_row() && !error.is_retryable(), "{}: {error}", ground.name);
        drop(write);
        let mut write = ground.write().await;
        assert!(
            beats::insert(&mut write, "k", &beat("backup", "one", None), at(1), &Sent::default(), None).await.unwrap(),
            "{}",
            ground.name
        );
    }
}
