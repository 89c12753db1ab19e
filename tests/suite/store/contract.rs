//! What every store does.

use std::time::Duration;

use allswell::domain::beat::Beat;
use allswell::domain::check::{Check, Flip, Reason, State, Status};
use allswell::domain::incident::{Incident, Severity};
use allswell::domain::instance::Instance;
use allswell::domain::notice::{Notice, NoticeKind};
use allswell::domain::schedule::Schedule;
use allswell::domain::sent::Sent;
use allswell::store::channels::StoredChannel;
use allswell::store::checks::{Seen, StoredCheck};
use allswell::store::flips::StoredFlip;
use allswell::store::incidents::StoredIncident;
use allswell::store::{Connection, StoreError, beats, channels, checks, facts, flips, incidents, notices, outbox};

use super::ground::{Ground, at, beat, grounds};

const CHECK: Check =
    Check { schedule: Schedule::Every(Duration::from_secs(60)), grace: Duration::from_secs(30), rise: 1, fall: 1, apart: None };

fn check(name: &str, look_at: Option<i64>) -> StoredCheck {
    let seen = Seen { instance: Some("one".into()), ..Seen::default() };
    StoredCheck {
        name: name.into(),
        state: State::new(&CHECK, at(0)),
        look_at: look_at.map(at),
        every_ms: Some(5_000),
        seen,
        wanted: None,
        made: None,
    }
}

fn incident(check: &str, since: i64) -> StoredIncident {
    let reason = Reason::Silent { last_heard: None, farewell: None, forgiven: false };
    let flip = Flip { from: Status::Up, to: Status::Down, at: at(since), since: at(since), key_at: at(since), reason };
    let incident = Incident::open(check, &flip, None);
    StoredIncident { incident, opened_at: at(since), decide_at: None, decide_until: None, explained: false }
}

/// The notice that tells of this incident.
fn notice(stored: &StoredIncident, channel: &str, written: i64) -> Notice {
    Notice::about(&stored.incident, "shop", None, None, at(written)).for_channel(channel)
}

async fn next(connection: &mut Connection, all: bool, now: i64) -> Option<String> {
    outbox::next(connection, "ops", all, at(now)).await.unwrap().map(|stored| stored.notice.key)
}

#[tokio::test]
async fn a_beat_is_stored_once_however_often_it_is_repeated() {
    for ground in grounds().await {
        let (first, second) = (beat("backup", "one", Some("words".into())), beat("backup", "two", None));
        let mut write = ground.write().await;
        assert!(beats::insert(&mut write, "k", &first, at(1), &Sent::default(), None).await.unwrap(), "{}", ground.name);
        assert!(!beats::insert(&mut write, "k", &first, at(2), &Sent::default(), None).await.unwrap(), "{}", ground.name);
        assert!(beats::insert(&mut write, "another key", &first, at(2), &Sent::default(), None).await.unwrap());
        assert!(beats::insert(&mut write, "k", &second, at(2), &Sent::default(), None).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(beats::count(&mut ground.read().await).await.unwrap(), 3, "{}", ground.name);
    }
}

#[tokio::test]
async fn what_is_not_committed_never_was() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        beats::insert(&mut write, "k", &beat("backup", "one", None), at(1), &Sent::default(), None).await.unwrap();
        drop(write);
        assert_eq!(beats::count(&mut ground.read().await).await.unwrap(), 0, "{}", ground.name);
    }
}

#[tokio::test]
async fn one_writes_at_a_time_and_readers_see_what_is_committed() {
    for ground in grounds().await {
        let mut first = ground.write().await;
        facts::set(&mut first, "live", &1).await.unwrap();
        let second = tokio::spawn({
            let store = ground.store.clone();
            async move {
                let mut second = store.begin().await.unwrap();
                let before: Option<i32> = facts::get(&mut second, "live").await.unwrap();
                facts::set(&mut second, "live", &before.map_or(100, |before| before + 1)).await.unwrap();
                second.commit().await.unwrap();
            }
        });
        let seen: Option<i32> = facts::get(&mut ground.read().await, "live").await.unwrap();
        assert_eq!(seen, None, "{}", ground.name);
        first.commit().await.unwrap();
        second.await.unwrap();
        let seen: Option<i32> = facts::get(&mut ground.read().await, "live").await.unwrap();
        assert_eq!(seen, Some(2), "{}: the second one began after the first", ground.name);
    }
}

async fn due(connection: &mut Connection, until: i64) -> Vec<String> {
    checks::due(connection, at(until), None, 100).await.unwrap().into_iter().map(|stored| stored.name).collect()
}

#[tokio::test]
async fn checks_are_found_by_name_and_by_when_they_are_due() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        for (name, look_at) in [("a", Some(10)), ("Z", Some(5)), ("b", None), ("c", Some(11))] {
            checks::save(&mut write, check(name, look_at)).await.unwrap();
        }
        assert_eq!(due(&mut write, 10).await, ["Z", "a"], "{}", ground.name);
        let first = checks::due(&mut write, at(10), None, 1).await.unwrap();
        let second = checks::due(&mut write, at(10), first.last(), 1).await.unwrap();
        assert_eq!(second, [check("a", Some(10))], "{}: page by page", ground.name);
        assert_eq!(checks::due(&mut write, at(10), second.last(), 1).await.unwrap(), []);
        let names: Vec<String> = checks::all(&mut write).await.unwrap().into_iter().map(|check| check.name).collect();
        assert_eq!(names, ["Z", "a", "b", "c"], "{}: in the order of bytes", ground.name);
        assert_eq!(checks::find(&mut write, "a").await.unwrap(), Some(check("a", Some(10))));
        checks::look_soon(&mut write, "a", at(3)).await.unwrap();
        checks::look_soon(&mut write, "b", at(4)).await.unwrap();
        checks::look_soon(&mut write, "c", at(99)).await.unwrap();
        assert_eq!(due(&mut write, 10).await, ["a", "b", "Z"]);
        checks::save(&mut write, check("a", None)).await.unwrap();
        assert_eq!(checks::find(&mut write, "a").await.unwrap().unwrap().look_at, None, "written again");
        checks::remove(&mut write, "b").await.unwrap();
        assert_eq!(checks::counts(&mut write).await.unwrap(), [("new".to_owned(), 3)]);
    }
}

#[tokio::test]
async fn a_check_has_one_open_incident_and_the_flips_that_made_it() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        let mut open = incident("backup", 5);
        open.decide_at = Some(at(6));
        incidents::save(&mut write, &open).await.unwrap();
        assert_eq!(incidents::open_of(&mut write, "backup").await.unwrap(), Some(open.clone()), "{}", ground.name);
        assert_eq!(incidents::to_decide(&mut write, at(6), 10).await.unwrap(), [open.incident.key.clone()]);
        assert_eq!(incidents::counts(&mut write).await.unwrap(), [(severity(open.incident.severity), 1)]);
        let mut behind = incident("site", 6);
        (behind.incident.cause, behind.explained) = (Some(open.incident.key.clone()), true);
        incidents::save(&mut write, &behind).await.unwrap();
        assert_eq!(incidents::explained_by(&mut write, &open.incident.key).await.unwrap(), [behind]);
        open.incident.resolved_at = Some(at(9));
        incidents::save(&mut write, &open).await.unwrap();
        assert_eq!(incidents::newest_resolved(&mut write, 1).await.unwrap(), [open.clone()]);
        let reason = Reason::Recovered;
        let flip = Flip { from: Status::Down, to: Status::Up, at: at(9), since: at(9), key_at: at(9), reason };
        let flip = StoredFlip { flip, before: State::new(&CHECK, at(0)), incident: Some(open.incident.key.clone()) };
        flips::insert(&mut write, "backup", &flip).await.unwrap();
        assert_eq!(flips::last_of(&mut write, "backup").await.unwrap(), Some(flip));
        flips::remove_last(&mut write, "backup").await.unwrap();
        assert_eq!(flips::last_of(&mut write, "backup").await.unwrap(), None);
        write.commit().await.unwrap();
        let mut write = ground.write().await;
        incidents::save(&mut write, &incident("backup", 20)).await.unwrap();
        let second = incidents::save(&mut write, &incident("backup", 21)).await;
        assert!(second.is_err_and(|error| error.is_of_this_row()), "{}: two cannot be open", ground.name);
    }
}

fn severity(severity: Severity) -> String {
    severity.as_str().to_owned()
}

#[tokio::test]
async fn a_notice_is_claimed_tried_again_and_taken_in_the_order_of_its_incident() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        let stored = incident("backup", 5);
        let down = notice(&stored, "ops", 5);
        let up = Notice { kind: NoticeKind::CheckResolved, key: "up".into(), ..down.clone() };
        for notice in [&down, &up, &down] {
            notices::write(&mut write, notice, "ops", at(5)).await.unwrap();
        }
        assert_eq!(next(&mut write, true, 4).await, None, "{}", ground.name);
        assert_eq!(next(&mut write, true, 5).await, Some(down.key.clone()));
        assert_eq!(next(&mut write, false, 5).await, None, "others tell");
        outbox::claim(&mut write, &down.key, "somebody", at(15)).await.unwrap();
        assert_eq!(next(&mut write, true, 14).await, None, "{}: nobody hears the end before the beginning", ground.name);
        assert_eq!(next(&mut write, true, 15).await, Some(down.key.clone()), "{}: the claim is over", ground.name);
        assert_eq!(outbox::waiting(&mut write, "ops").await.unwrap(), 2);
        assert_eq!(outbox::homeless(&mut write, at(100)).await.unwrap(), 2);
        outbox::take(&mut write, &down.key, at(16), "250 ok").await.unwrap();
        assert_eq!(next(&mut write, true, 16).await, Some("up".into()));
        assert_eq!(next(&mut write, false, 2_000).await, Some("up".into()), "nobody else can tell the end");
        notices::withdraw(&mut write, "up", at(17)).await.unwrap();
        assert_eq!(next(&mut write, true, 18).await, None);
        notices::write(&mut write, &up, "ops", at(18)).await.unwrap();
        assert_eq!(next(&mut write, true, 18).await, Some("up".into()), "{}: withdrawn and written again", ground.name);
        notices::release(&mut write, &stored.incident.key, at(1)).await.unwrap();
        let about = notices::about(&mut write, &stored.incident.key).await.unwrap();
        assert_eq!(about.iter().map(|stored| stored.due_at).collect::<Vec<_>>(), [at(5), at(1)]);
        assert!(notices::is_ours(&mut write, &stored.incident.key).await.unwrap());
        assert_eq!(notices::hand_over(&mut write, &stored.incident.key, at(19)).await.unwrap(), 1);
        assert_eq!(notices::withdraw_older(&mut write, at(100), at(20)).await.unwrap(), 1);
        assert_eq!(outbox::waiting(&mut write, "ops").await.unwrap(), 0);
    }
}

#[tokio::test]
async fn channels_and_facts_are_kept_and_kept_anew() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        assert_eq!(channels::get(&mut write, "ops").await.unwrap(), StoredChannel::default());
        let failing = StoredChannel { failed_since: Some(at(1)), taken_at: None, said_at: Some(at(2)) };
        channels::save(&mut write, "ops", &failing).await.unwrap();
        channels::save(&mut write, "ops", &StoredChannel { taken_at: Some(at(3)), ..failing.clone() }).await.unwrap();
        assert_eq!(channels::get(&mut write, "ops").await.unwrap().taken_at, Some(at(3)), "{}", ground.name);
        facts::set(&mut write, "a", &vec!["x"]).await.unwrap();
        facts::set(&mut write, "a", &vec!["y"]).await.unwrap();
        assert_eq!(facts::get::<Vec<String>>(&mut write, "a").await.unwrap(), Some(vec!["y".to_owned()]), "{}", ground.name);
    }
}

#[tokio::test]
async fn instances_are_written_and_forgotten_by_the_thousand() {
    use allswell::store::instances::{self, StoredInstance};
    for ground in grounds().await {
        let made =
            |number: usize| StoredInstance { instance: Instance::new(&format!("i{number:04}"), &CHECK, at(0)), seen: Seen::default() };
        let all: Vec<StoredInstance> = (0..1_333).map(made).collect();
        let mut write = ground.write().await;
        instances::save(&mut write, "heartbeat-blue", &all).await.unwrap();
        instances::save(&mut write, "heartbeat-blue", &all[..7]).await.unwrap();
        assert_eq!(instances::of(&mut write, "heartbeat-blue").await.unwrap(), all, "{}", ground.name);
        let names: Vec<&str> = all[1..].iter().map(|stored| stored.instance.name.as_str()).collect();
        instances::forget(&mut write, "heartbeat-blue", &names).await.unwrap();
        assert_eq!(instances::of(&mut write, "heartbeat-blue").await.unwrap(), all[..1], "{}", ground.name);
    }
}

#[tokio::test]
async fn a_store_is_there_when_it_is_opened_again() {
    for ground in grounds().await {
        let ground: Ground = ground;
        let mut write = ground.write().await;
        facts::set(&mut write, "live", &7).await.unwrap();
        write.commit().await.unwrap();
        let again = ground.again().await.unwrap();
        let seen: Option<i32> = facts::get(&mut again.read().await.unwrap(), "live").await.unwrap();
        assert_eq!(seen, Some(7), "{}", ground.name);
    }
}

#[tokio::test]
async fn rows_that_are_written_together_are_read_as_they_were_written() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        checks::save(&mut write, check("old", Some(1))).await.unwrap();
        write.batch();
        checks::read_ahead(&mut write, &["old", "new"]).await.unwrap();
        assert_eq!(checks::find(&mut write, "new").await.unwrap(), None, "{}", ground.name);
        for (name, look_at) in [("old", 7), ("new", 3), ("new", 8)] {
            checks::save(&mut write, check(name, Some(look_at))).await.unwrap();
        }
        assert_eq!(checks::find(&mut write, "new").await.unwrap(), Some(check("new", Some(8))), "{}", ground.name);
        assert_eq!(due(&mut write, 8).await, ["old", "new"], "{}: another statement sees them too", ground.name);
        checks::look_soon(&mut write, "new", at(2)).await.unwrap();
        assert_eq!(checks::find(&mut write, "new").await.unwrap().unwrap().look_at, Some(at(2)), "{}", ground.name);
        let open = incident("new", 5);
        incidents::read_ahead(&mut write, std::slice::from_ref(&open.incident.key), &["new"].into()).await.unwrap();
        assert_eq!(incidents::find(&mut write, &open.incident.key).await.unwrap(), None, "{}", ground.name);
        incidents::save(&mut write, &open).await.unwrap();
        assert_eq!(incidents::open_of(&mut write, "new").await.unwrap(), Some(open), "{}", ground.name);
        write.commit().await.unwrap();
        assert_eq!(checks::configured(&mut ground.read().await).await.unwrap(), ["new", "old"], "{}", ground.name);
    }
}

#[tokio::test]
async fn of_checks_that_are_written_together_each_has_what_is_new_of_it() {
    for ground in grounds().await {
        let names = ["heard", "moved", "down"];
        let mut write = ground.write().await;
        for name in names {
            checks::save(&mut write, check(name, Some(9))).await.unwrap();
        }
        write.batch();
        checks::read_ahead(&mut write, &names).await.unwrap();
        let heard = StoredCheck { every_ms: Some(5), ..check("heard", Some(9)) };
        let down = check("down", Some(7));
        let down = StoredCheck { state: State { status: Status::Down, ..down.state.clone() }, ..down };
        for stored in [heard, check("moved", Some(7)), down] {
            checks::save(&mut write, stored).await.unwrap();
        }
        write.commit().await.unwrap();
        let mut read = ground.read().await;
        assert_eq!(checks::counts(&mut read).await.unwrap(), [("down".to_owned(), 1), ("new".to_owned(), 2)], "{}", ground.name);
        assert_eq!(due(&mut read, 8).await, ["down", "moved"], "{}", ground.name);
        assert_eq!(checks::find(&mut read, "heard").await.unwrap().unwrap().every_ms, Some(5), "{}", ground.name);
    }
}

#[tokio::test]
async fn of_a_check_that_is_known_everything_new_is_written_also_where_it_is_written_twice() {
    for ground in grounds().await {
        let (old, moved) = (check("job", Some(9)), check("job", Some(7)));
        let heard = StoredCheck { every_ms: Some(5), ..moved.clone() };
        let down = StoredCheck { state: State { status: Status::Down, ..heard.state.clone() }, look_at: None, ..heard.clone() };
        for (steps, last) in [(vec![&moved, &heard], &heard), (vec![&heard, &down], &down), (vec![&down, &moved, &heard], &heard)] {
            let mut write = ground.write().await;
            checks::save(&mut write, old.clone()).await.unwrap();
            write.batch();
            checks::read_ahead(&mut write, &["job"]).await.unwrap();
            for step in steps {
                checks::save(&mut write, step.clone()).await.unwrap();
            }
            write.commit().await.unwrap();
            let mut read = ground.read().await;
            assert_eq!(checks::find(&mut read, "job").await.unwrap().as_ref(), Some(last), "{}", ground.name);
            let is_due = !due(&mut read, 7).await.is_empty();
            assert_eq!(is_due, last.look_at.is_some(), "{}", ground.name);
        }
    }
}

#[tokio::test]
async fn a_repeat_among_many_is_found_at_the_latest_with_the_commit() {
    for ground in grounds().await {
        let known = beat("backup", "one", None);
        let mut write = ground.write().await;
        store_beat(&mut write, &known).await;
        write.commit().await.unwrap();
        let mut write = ground.write().await;
        write.batch();
        let new = beat("backup", "two", None);
        assert!(store_beat(&mut write, &new).await);
        assert!(!store_beat(&mut write, &new).await, "{}: twice in the same batch", ground.name);
        let is_found = !store_beat(&mut write, &known).await;
        match write.commit().await {
            Ok(()) => assert!(is_found, "{}: as if it had not been there", ground.name),
            Err(error) => assert!(matches!(error, StoreError::Repeated) && !is_found, "{}: {error}", ground.name),
        }
        let there = if is_found { 2 } else { 1 };
        assert_eq!(beats::count(&mut ground.read().await).await.unwrap(), there, "{}: all of it or nothing", ground.name);
    }
}

async fn store_beat(connection: &mut Connection, beat: &Beat) -> bool {
    beats::insert(connection, "k", beat, at(1), &Sent::default(), None).await.unwrap()
}
