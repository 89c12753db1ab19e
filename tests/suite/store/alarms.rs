//! What becomes of alarms is kept alike by both.

use allswell::domain::acknowledgement::Acknowledgement;
use allswell::domain::check::{Flip, Reason, Status};
use allswell::domain::follow_up::FollowUp;
use allswell::domain::incident::Incident;
use allswell::domain::notice::{Notice, NoticeKind};
use allswell::domain::quiet::{Quiet, QuietKind};
use allswell::store::incidents::StoredIncident;
use allswell::store::{Connection, acknowledgements, clock_steps, follow_ups, groups, incidents, notices, outbox, quiets, untaken};

use super::ground::{at, grounds};

fn incident(check: &str, since: i64) -> StoredIncident {
    let reason = Reason::Silent { last_heard: None, farewell: None, forgiven: false };
    let flip = Flip { from: Status::Up, to: Status::Down, at: at(since), since: at(since), key_at: at(since), reason };
    let incident = Incident::open(check, &flip, None);
    StoredIncident { incident, opened_at: at(since), decide_at: None, decide_until: None, explained: false }
}

#[tokio::test]
async fn the_first_acknowledgement_stays_and_a_later_quiet_takes_the_place_of_an_earlier_one() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        let said = |by: &str, second: i64| Acknowledgement { by: by.into(), at: at(second), note: Some("on\0it".into()) };
        acknowledgements::insert(&mut write, "blue-1", &said("ann", 1)).await.unwrap();
        acknowledgements::insert(&mut write, "blue-1", &said("ben", 2)).await.unwrap();
        assert_eq!(acknowledgements::of(&mut write, "blue-1").await.unwrap(), Some(said("ann", 1)), "{}", ground.name);
        assert_eq!(acknowledgements::of(&mut write, "blue-2").await.unwrap(), None);

        let quiet = |kind, until| Quiet { check: "blue".into(), kind, by: "ann".into(), since: at(0), until: at(until), note: None };
        quiets::save(&mut write, &quiet(QuietKind::Mute, 10)).await.unwrap();
        quiets::save(&mut write, &quiet(QuietKind::Pause, 20)).await.unwrap();
        assert_eq!(quiets::all(&mut write).await.unwrap(), [quiet(QuietKind::Pause, 20)], "{}", ground.name);
        assert!(!quiets::is_any_over(&mut write, at(19)).await.unwrap() && quiets::is_any_over(&mut write, at(20)).await.unwrap());
        quiets::remove(&mut write, "blue").await.unwrap();
        assert_eq!(quiets::all(&mut write).await.unwrap(), []);
        write.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_group_is_over_when_its_last_member_is() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        for (check, since) in [("a", 100), ("b", 200), ("c", 300)] {
            incidents::save(&mut write, &incident(check, since)).await.unwrap();
        }
        assert_eq!(groups::lately(&mut write, at(100), at(300)).await.unwrap(), (2, None), "{}", ground.name);
        groups::insert(&mut write, "group-1-a", at(400)).await.unwrap();
        for check in ["a", "b"] {
            let mut member = incidents::open_of(&mut write, check).await.unwrap().unwrap();
            member.incident.cause = Some("group-1-a".into());
            incidents::save(&mut write, &member).await.unwrap();
        }
        assert_eq!(groups::lately(&mut write, at(0), at(399)).await.unwrap(), (1, None), "what the clock has before it is not lately");
        assert_eq!(groups::lately(&mut write, at(0), at(400)).await.unwrap(), (0, Some(at(400))), "{}", ground.name);
        assert_eq!(incidents::explained_by(&mut write, "group-1-a").await.unwrap().len(), 2);
        for (check, empty) in [("a", 0), ("b", 1)] {
            assert_eq!(groups::empty(&mut write).await.unwrap().len(), 0, "{}", ground.name);
            let mut stored = incidents::open_of(&mut write, check).await.unwrap().unwrap();
            stored.incident.resolved_at = Some(at(500));
            incidents::save(&mut write, &stored).await.unwrap();
            assert_eq!(groups::empty(&mut write).await.unwrap().len(), empty, "{}", ground.name);
        }
        groups::end(&mut write, "group-1-a", at(500)).await.unwrap();
        assert_eq!(groups::empty(&mut write).await.unwrap(), [""; 0]);
        assert_eq!(groups::heard_at(&mut write).await.unwrap(), None);
        write.commit().await.unwrap();
    }
}

/// The kinds and checks of what a channel took last of each open incident.
async fn taken_last(connection: &mut Connection, channel: &str) -> Vec<String> {
    let taken = notices::taken_last(connection, channel).await.unwrap();
    taken.into_iter().map(|notice| format!("{} {}", notice.kind, notice.subject.check)).collect()
}

#[tokio::test]
async fn what_a_channel_took_last_is_found_while_its_incident_is_open_and_nobody_else_tells_it() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        for (check, since) in [("blue", 100), ("green", 200), ("site", 300)] {
            let stored = incident(check, since);
            incidents::save(&mut write, &stored).await.unwrap();
            let about = Notice::about(&stored.incident, "shop", None, None, at(since));
            for kind in [NoticeKind::CheckDown, NoticeKind::CheckReminder] {
                let notice = Notice { kind, ..about.clone() }.for_channel("ops");
                notices::write(&mut write, &notice, "ops", at(since)).await.unwrap();
                outbox::take(&mut write, &notice.key, at(since), "ok").await.unwrap();
            }
            notices::write(&mut write, &about.for_channel("mail"), "mail", at(since)).await.unwrap();
        }
        let reminders = ["blue", "green", "site"].map(|check| format!("check.reminder {check}"));
        assert_eq!(taken_last(&mut write, "ops").await, reminders, "{}", ground.name);
        assert_eq!(taken_last(&mut write, "mail").await, [""; 0], "{}", ground.name);
        let mut over = incidents::open_of(&mut write, "green").await.unwrap().unwrap();
        over.incident.resolved_at = Some(at(500));
        incidents::save(&mut write, &over).await.unwrap();
        notices::hand_over(&mut write, &incident("site", 300).incident.key, at(600)).await.unwrap();
        assert_eq!(taken_last(&mut write, "ops").await, ["check.reminder blue"], "{}", ground.name);
        write.commit().await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_is_moved_with_the_clock_and_what_is_done_is_not() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        let mut stored = incident("blue", 100);
        stored.decide_at = Some(at(200));
        incidents::save(&mut write, &stored).await.unwrap();
        for channel in ["ops", "mail"] {
            let notice = Notice::about(&stored.incident, "shop", None, None, at(100)).for_channel(channel);
            notices::write(&mut write, &notice, channel, at(1_000)).await.unwrap();
        }
        let state = FollowUp::default().opened(at(100), false);
        follow_ups::save(&mut write, &stored.incident.key, &state, Some(at(600))).await.unwrap();
        clock_steps::shift(&mut write, 5_000).await.unwrap();
        assert!(outbox::next(&mut write, "ops", true, at(5_900)).await.unwrap().is_none(), "{}", ground.name);
        let next = outbox::next(&mut write, "ops", true, at(6_000)).await.unwrap().unwrap();
        outbox::claim(&mut write, &next.notice.key, "me", at(7_000)).await.unwrap();
        assert_eq!(untaken::oldest(&mut write, 5).await.unwrap().len(), 1, "{}", ground.name);
        assert_eq!(incidents::to_decide(&mut write, at(5_199), 10).await.unwrap().len(), 0, "{}", ground.name);
        assert_eq!(incidents::to_decide(&mut write, at(5_200), 10).await.unwrap().len(), 1);
        assert_eq!(incidents::to_decide(&mut write, at(5_200), 0).await.unwrap().len(), 0);
        assert_eq!(follow_ups::of(&mut write, &stored.incident.key).await.unwrap().unwrap().told_at, Some(at(5_100)));
        assert_eq!(follow_ups::due(&mut write, at(600)).await.unwrap(), [stored.incident.key.clone()], "early is harmless");
        follow_ups::look_at(&mut write, &stored.incident.key, at(9_000)).await.unwrap();
        assert_eq!(follow_ups::due(&mut write, at(8_999)).await.unwrap(), [""; 0]);
        follow_ups::remove(&mut write, &stored.incident.key).await.unwrap();
        assert_eq!(follow_ups::of(&mut write, &stored.incident.key).await.unwrap(), None);
        write.commit().await.unwrap();
    }
}
