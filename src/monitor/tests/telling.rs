use super::stage::{Stage, at, rule, settings};
use crate::domain::beat::Showing;
use crate::domain::notice::{Notice, NoticeKind};
use crate::notify::SendError;

fn again() -> SendError {
    SendError::Retry { why: "connection refused".into(), after: None }
}

#[tokio::test]
async fn what_ends_before_it_could_be_told_is_one_message() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    stage.up("job", 5_000).await;
    let notices = stage.notices("ops", 6_000).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].kind, NoticeKind::CheckResolved);
    assert!(notices[0].reason.starts_with("was down from"), "{}", notices[0].reason);
}

#[tokio::test]
async fn nobody_hears_the_end_before_the_beginning() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    let sending = stage.claim("ops", 1_000).await.unwrap();
    stage.up("job", 2_000).await;
    assert!(stage.claim("ops", 2_000).await.is_none(), "the beginning is on its way");
    stage.taken("ops", &sending, 2_100).await;
    assert_eq!(stage.told("ops", 2_200).await, ["check.resolved job"]);
}

#[tokio::test]
async fn a_beginning_that_was_refused_gives_way_to_the_end_that_came_meanwhile() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    let sending = stage.claim("ops", 1_000).await.unwrap();
    stage.up("job", 2_000).await;
    stage.refused("ops", &sending, again(), 2_100).await;
    let notices = stage.notices("ops", 4_000).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].kind, NoticeKind::CheckResolved);
    assert!(notices[0].reason.starts_with("was down from"), "{}", notices[0].reason);
}

#[tokio::test]
async fn what_ends_while_it_is_refused_for_good_is_passed_on_as_one_message() {
    let mut settings = settings(&["job"]);
    settings.channels.push(rule("pager"));
    let mut stage = Stage::with(settings).await;
    stage.down("job", 1_000).await;
    assert_eq!(stage.told("mail", 1_000).await, ["check.down job"]);
    let sending = stage.claim("ops", 1_000).await.unwrap();
    stage.up("job", 2_000).await;
    stage.refused("ops", &sending, SendError::Permanent { why: "answered 404".into() }, 2_100).await;
    let of_job = |notices: Vec<Notice>| {
        let of_job = notices.into_iter().filter(|notice| notice.subject.check == "job");
        of_job.map(|notice| (notice.kind, notice.reason)).collect::<Vec<_>>()
    };
    let (mail, pager) = (of_job(stage.notices("mail", 3_000).await), of_job(stage.notices("pager", 3_000).await));
    assert!(matches!(&mail[..], [(NoticeKind::CheckResolved, words)] if words.starts_with("well again after")), "{mail:?}");
    assert!(matches!(&pager[..], [(NoticeKind::CheckResolved, words)] if words.starts_with("was down from")), "{pager:?}");
}

#[tokio::test]
async fn a_claim_that_nobody_settles_is_taken_up_again_when_it_ends() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    let first = stage.claim("ops", 1_000).await.unwrap();
    assert!(stage.claim("ops", 10_900).await.is_none());
    let second = stage.claim("ops", 11_000).await.unwrap();
    assert_eq!(first.notice().key, second.notice().key, "a receiver can tell that it is a repeat");
}

#[tokio::test]
async fn after_a_crash_nobody_waits_for_a_dead_claim() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    let _ = stage.claim("ops", 1_000).await.unwrap();
    stage.restart(1_500).await;
    assert_eq!(stage.told("ops", 1_500).await, ["check.down job"]);
}

#[tokio::test]
async fn retries_wait_longer_and_longer_and_as_long_as_they_are_told() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 0).await;
    let first = stage.claim("ops", 0).await.unwrap();
    stage.refused("ops", &first, again(), 0).await;
    assert!(stage.claim("ops", 900).await.is_none());
    let second = stage.claim("ops", 1_000).await.unwrap();
    stage.refused("ops", &second, again(), 1_000).await;
    assert!(stage.claim("ops", 2_900).await.is_none());
    let third = stage.claim("ops", 3_000).await.unwrap();
    let after = Some(std::time::Duration::from_secs(30));
    stage.refused("ops", &third, SendError::Retry { why: "answered 429".into(), after }, 3_000).await;
    assert!(stage.claim("ops", 32_900).await.is_none());
    assert!(stage.claim("ops", 33_000).await.is_some());
}

#[tokio::test]
async fn worse_within_an_incident_is_told_and_better_is_not_until_it_is_well() {
    let mut stage = Stage::new(&["job"]).await;
    for now in [100, 200, 300] {
        let slow = stage.beat("job", Showing::Slow, now);
        stage.hear(slow, now).await.unwrap();
    }
    assert_eq!(stage.told("ops", 400).await, ["check.poorly job"]);
    stage.down("job", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
    for now in [1_100, 1_200] {
        let slow = stage.beat("job", Showing::Slow, now);
        stage.hear(slow, now).await.unwrap();
    }
    assert!(stage.told("ops", 1_300).await.is_empty());
    let open = stage.open().await;
    assert_eq!((open.len(), open[0].incident.flips), (1, 3), "one incident, its flips counted");
    stage.up("job", 2_000).await;
    assert_eq!(stage.told("ops", 2_000).await, ["check.resolved job"]);
    assert_eq!(stage.told("mail", 2_000).await, ["check.resolved job"], "mail heard nothing in time: one message");
}

#[tokio::test]
async fn whom_the_sender_has_told_is_not_told_again_but_hears_the_end() {
    let mut stage = Stage::new(&["job"]).await;
    stage.bad("job", 100).await;
    stage.bad("job", 200).await;
    let mut beat = stage.beat("job", Showing::Bad, 300);
    beat.health.as_mut().unwrap().told = vec!["ops".into()];
    stage.hear(beat, 300).await.unwrap();
    assert!(stage.told("ops", 400).await.is_empty());
    assert_eq!(stage.told("mail", 400).await, ["check.down job"]);
    stage.up("job", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.resolved job"]);
}

#[tokio::test]
async fn a_monitor_that_does_not_tell_keeps_what_nobody_else_has_told() {
    let mut stage = Stage::new(&["job", "other"]).await;
    stage.monitor.set_telling(false);
    stage.down("job", 1_000).await;
    assert!(stage.told("ops", 1_000).await.is_empty());
    stage.monitor.withdraw_older(at(1_500), at(1_500)).await.unwrap();
    stage.down("other", 2_000).await;
    stage.monitor.set_telling(true);
    assert_eq!(stage.told("ops", 2_000).await, ["check.down other"]);
    assert_eq!(stage.monitor.told("other").await.unwrap(), ["ops"]);
}

#[tokio::test]
async fn whoever_told_the_beginning_tells_the_end_unless_it_was_handed_over() {
    let mut stage = Stage::new(&["job", "other"]).await;
    stage.down("job", 1_000).await;
    stage.down("other", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job", "check.down other"]);
    stage.monitor.set_telling(false);
    assert!(!stage.monitor.hand_over("other", at(799), at(1_100)).await.unwrap(), "another incident");
    assert!(stage.monitor.hand_over("other", at(800), at(1_100)).await.unwrap());
    assert!(!stage.monitor.hand_over("other", at(800), at(1_200)).await.unwrap(), "once");
    stage.up("job", 2_000).await;
    stage.up("other", 2_000).await;
    assert!(stage.told("ops", 2_900).await.is_empty(), "a hand-over may still be written down");
    stage.monitor.withdraw_older(at(2_950), at(2_950)).await.unwrap();
    assert_eq!(stage.told("ops", 3_000).await, ["check.resolved job"]);
    assert!(stage.told("mail", 3_000).await.is_empty(), "who heard no beginning hears no end");
}

#[tokio::test]
async fn a_channel_hears_its_own_alls_well_at_its_interval() {
    let mut settings = super::stage::settings(&["job"]);
    settings.channels[0].say = Some(std::time::Duration::from_secs(60));
    let stage = Stage::with(settings).await;
    let rule = stage.monitor.settings().channels[0].clone();
    for now in [0, 59_000, 60_000, 61_000, 120_000] {
        stage.monitor.say(&rule, at(now)).await.unwrap();
    }
    let said = stage.notices("ops", 121_000).await;
    assert_eq!(said.len(), 1, "one that was not taken gives way to the next");
    assert_eq!((said[0].kind, said[0].at), (NoticeKind::ChannelWell, at(120_000)));
    assert_eq!(said[0].reason, "live: undefined; no incident is open");
}
