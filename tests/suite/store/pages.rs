//! The log page by page, and how it is forgotten.

use allswell::domain::check::{Check, State};
use allswell::domain::schedule::Schedule;
use allswell::domain::sent::{Ignored, Made, Sent};
use allswell::store::{beats, checks, facts, made, pages, prune};
use std::time::Duration;
use uuid::Uuid;

use super::ground::{at, beat, grounds};

#[tokio::test]
async fn beats_are_read_page_by_page_newest_first_with_how_they_came() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        for (number, check) in ["a", "b", "a", "a"].into_iter().enumerate() {
            let sent = Sent {
                address: Some("127.0.0.1".into()),
                method: Some("POST".into()),
                agent: Some("curl\0".into()),
                work: Some(Uuid::from_u128(7)),
                exit_status: Some(3),
                ignored: Some(Ignored::Method),
                making: None,
            };
            let body = (number == 3).then(|| "é\0".to_owned());
            let took = Some(Duration::from_millis(1_500));
            assert!(beats::insert(&mut write, "ping", &beat(check, "one", body), at(number as i64), &sent, took).await.unwrap());
        }
        write.commit().await.unwrap();
        let mut read = ground.read().await;
        let newest = pages::beats(&mut read, Some("a"), i64::MAX, 2).await.unwrap();
        let [last, before] = newest.as_slice() else { panic!("{newest:?}") };
        assert!(last.id > before.id, "{}", ground.name);
        assert_eq!((last.at, last.body_bytes, last.exit_status, last.duration_ms), (at(3), 3, Some(3), Some(1_500)), "{}", ground.name);
        assert_eq!(
            (last.agent.as_deref(), last.address.as_deref(), last.method.as_deref()),
            (Some("curl\0"), Some("127.0.0.1"), Some("POST"))
        );
        assert_eq!((last.run.clone(), last.ignored.is_some()), (Some(Uuid::from_u128(7).to_string()), true));
        assert_eq!(pages::body(&mut read, last.id).await.unwrap(), Some(Some("é\0".into())), "{}", ground.name);
        assert_eq!(pages::body(&mut read, before.id).await.unwrap(), Some(None));
        assert_eq!(pages::body(&mut read, last.id + 1_000).await.unwrap(), None);
        let rest = pages::beats(&mut read, Some("a"), before.id, 2).await.unwrap();
        assert_eq!(rest.iter().map(|beat| beat.at).collect::<Vec<_>>(), [at(0)]);
        assert_eq!(pages::beats(&mut read, None, i64::MAX, 10).await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn frequent_beats_are_forgotten_sooner_than_pings_and_nothing_is_forgotten_too_soon() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        for (key, received) in [("ping", 1), ("k", 2), ("ping", 3), ("k", 4), ("k", 50)] {
            beats::insert(&mut write, key, &beat("a", "one", None), at(received), &Sent::default(), None).await.unwrap();
        }
        let edge = prune::frequent_beats(&mut write, 0, at(10), at(100), "ping").await.unwrap();
        let left = |beats: Vec<pages::LoggedBeat>| beats.into_iter().map(|beat| (beat.key, beat.at)).collect::<Vec<_>>();
        let all = left(pages::beats(&mut write, None, i64::MAX, 10).await.unwrap());
        assert_eq!(all, [("k".to_owned(), at(50)), ("ping".to_owned(), at(3)), ("ping".to_owned(), at(1))], "{}", ground.name);
        let next = prune::frequent_beats(&mut write, edge.unwrap(), at(10), at(100), "ping").await.unwrap();
        assert_eq!(next, None, "it goes on where it was");
        assert_eq!(prune::oldest_beats(&mut write, at(2), at(100)).await.unwrap(), 1);
        assert_eq!(beats::count(&mut write).await.unwrap(), 2);
        for nothing in [
            prune::oldest_flips(&mut write, at(10)).await,
            prune::oldest_incidents(&mut write, at(10)).await,
            prune::oldest_notices(&mut write, at(10)).await,
        ] {
            assert_eq!(nothing.unwrap(), 0);
        }
        facts::set(&mut write, "pruned", &1).await.unwrap();
    }
}

#[tokio::test]
async fn a_check_that_was_made_is_found_by_its_address_and_keeps_what_is_expected_of_it() {
    for ground in grounds().await {
        let told = Made { uuid: Uuid::from_u128(5), period_ms: 60_000, grace_ms: 1_000 };
        let mut write = ground.write().await;
        checks::save(&mut write, made::new("nightly", &told, at(0))).await.unwrap();
        write.commit().await.unwrap();
        let mut read = ground.read().await;
        assert_eq!(made::name_of(&mut read, told.uuid).await.unwrap().as_deref(), Some("nightly"), "{}", ground.name);
        assert_eq!(made::name_of(&mut read, Uuid::from_u128(6)).await.unwrap(), None);
        assert_eq!(made::count(&mut read).await.unwrap(), 1);
        let stored = checks::find(&mut read, "nightly").await.unwrap().unwrap();
        let check =
            Check { schedule: Schedule::Every(Duration::from_secs(60)), grace: Duration::from_secs(1), rise: 1, fall: 1, apart: None };
        assert_eq!((stored.made, stored.state), (Some(told), State { waits: true, ..State::new(&check, at(0)) }));
        assert_eq!(pages::checks(&mut read, "a", 10).await.unwrap().len(), 1);
        assert_eq!(pages::checks(&mut read, "nightly", 10).await.unwrap().len(), 0);
    }
}
