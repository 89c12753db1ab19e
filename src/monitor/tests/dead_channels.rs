use super::stage::{Stage, at, settings};
use crate::notify::SendError;

fn again() -> SendError {
    SendError::Retry { why: "connection refused".into(), after: None }
}

/// Every attempt of `ops` fails until `to`; what `mail` is told meanwhile, with the moment.
async fn ops_fails(stage: &Stage, from: i64, to: i64) -> Vec<(i64, String)> {
    let mut told = Vec::new();
    for now in (from..=to).step_by(500) {
        while let Some(claimed) = stage.claim("ops", now).await {
            stage.refused("ops", &claimed, again(), now).await;
        }
        told.extend(stage.told("mail", now).await.into_iter().map(|words| (now, words)));
    }
    told
}

#[tokio::test]
async fn after_a_minute_the_others_are_told_and_the_channel_is_an_incident() {
    let mut plan = settings(&["job"]);
    plan.checks[0].channels = vec!["ops".into()];
    let mut stage = Stage::with(plan).await;
    stage.down("job", 0).await;
    let told = ops_fails(&stage, 0, 70_000).await;
    assert_eq!(told, [(60_000, "check.down job".to_owned()), (60_000, "channel.dead channel-ops".to_owned())]);
    let open: Vec<_> = stage.open().await.into_iter().map(|open| open.incident.check).collect();
    assert_eq!(open, ["job", "channel-ops"]);
    let ops = stage.told("ops", 400_000).await;
    assert_eq!(ops, ["check.down job"], "it is tried for as long as it takes");
    assert_eq!(stage.told("mail", 400_000).await, ["check.resolved channel-ops"]);
}

#[tokio::test]
async fn a_permanent_answer_passes_on_at_once_and_to_the_fallback_alone() {
    let mut plan = settings(&["job"]);
    plan.channels.push(super::stage::rule("third"));
    plan.channels[0].fallback = Some("third".into());
    plan.checks[0].channels = vec!["ops".into()];
    let mut stage = Stage::with(plan).await;
    stage.down("job", 0).await;
    let claimed = stage.claim("ops", 0).await.unwrap();
    stage.refused("ops", &claimed, SendError::Permanent { why: "answered 410".into() }, 0).await;
    let third = stage.notices("third", 0).await;
    assert!(third.iter().any(|notice| notice.subject.check == "job" && notice.key.ends_with("/check.down/third")), "{third:?}");
    let mail = stage.told("mail", 0).await;
    assert_eq!(mail, ["channel.dead channel-ops"], "the fault itself goes to the fallback alone");
}

#[tokio::test]
async fn what_waits_for_a_channel_that_hangs_is_told_by_the_others_after_the_minute() {
    let names = ["a", "b", "c", "d"];
    let mut plan = settings(&names);
    plan.checks.iter_mut().for_each(|check| check.channels = vec!["ops".into()]);
    let mut stage = Stage::with(plan).await;
    for name in names {
        stage.down(name, 0).await;
    }
    // Each attempt takes ten seconds, and one is made at a time.
    for now in (10_000..=70_000).step_by(10_000) {
        let claimed = stage.claim("ops", now - 10_000).await.unwrap();
        stage.refused("ops", &claimed, again(), now).await;
    }
    let told = stage.told("mail", 70_000).await;
    assert!(names.iter().all(|name| told.contains(&format!("check.down {name}"))), "{told:?}");
}

#[tokio::test]
async fn what_a_fallback_does_not_take_either_is_told_by_all_others() {
    let mut plan = settings(&["job"]);
    plan.channels.push(super::stage::rule("third"));
    (plan.channels[0].fallback, plan.channels[1].fallback) = (Some("mail".into()), Some("ops".into()));
    plan.checks[0].channels = vec!["ops".into()];
    let mut stage = Stage::with(plan).await;
    stage.down("job", 0).await;
    for channel in ["ops", "mail"] {
        while let Some(claimed) = stage.claim(channel, 0).await {
            stage.refused(channel, &claimed, SendError::Permanent { why: "answered 410".into() }, 0).await;
        }
    }
    let third = stage.told("third", 0).await;
    assert!(third.contains(&"check.down job".to_owned()), "{third:?}");
}

#[tokio::test]
async fn who_has_a_notice_of_its_own_is_not_told_twice() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 0).await;
    let claimed = stage.claim("ops", 0).await.unwrap();
    stage.refused("ops", &claimed, SendError::Permanent { why: "answered 404".into() }, 0).await;
    assert_eq!(stage.told("mail", 0).await, ["check.down job", "channel.dead channel-ops"]);
}

#[tokio::test]
async fn a_channel_that_hangs_delays_no_other() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 0).await;
    let hanging = stage.claim("ops", 0).await.unwrap();
    assert_eq!(stage.told("mail", 0).await, ["check.down job"]);
    stage.taken("ops", &hanging, 5_000).await;
}

#[tokio::test]
async fn what_no_channel_takes_stays_on_the_page_however_much_is_told_since() {
    const DAY: i64 = 86_400_000;
    let mut stage = Stage::new(&["job", "other"]).await;
    stage.down("job", 0).await;
    let claimed = stage.claim("ops", 0).await.unwrap();
    stage.refused("ops", &claimed, SendError::Retry { why: "connection refused".into(), after: None }, 0).await;
    for round in 1..=30 {
        stage.down("other", DAY + round * 1_000).await;
        stage.told("mail", DAY + round * 1_000).await;
        stage.up("other", DAY + round * 1_000 + 500).await;
    }
    stage.monitor.prune(at(DAY * 2)).await.unwrap();
    let overview = stage.monitor.overview(Vec::new(), at(DAY * 2)).await.unwrap();
    let open = overview.notices.iter().find(|notice| notice.key == claimed.notice().key).unwrap();
    assert_eq!((open.taken_at, open.last_error.as_deref()), (None, Some("connection refused")));
}

#[tokio::test]
async fn who_hears_the_end_in_anothers_stead_hears_the_beginning_with_it() {
    let mut plan = settings(&["job"]);
    plan.checks[0].channels = vec!["ops".into()];
    let mut stage = Stage::with(plan).await;
    stage.down("job", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
    stage.up("job", 2_000).await;
    let claimed = stage.claim("ops", 2_000).await.unwrap();
    stage.refused("ops", &claimed, SendError::Permanent { why: "answered 410".into() }, 2_000).await;
    let mail = stage.notices("mail", 2_000).await;
    let end = mail.iter().find(|notice| notice.subject.check == "job").unwrap();
    assert!(end.reason.starts_with("was down from "), "{}", end.reason);
}

#[tokio::test]
async fn who_may_have_been_told_is_told_that_it_was_recorded_late() {
    let mut stage = Stage::new(&["job"]).await;
    let late = stage.beat("job", crate::domain::beat::Showing::Good, 2_900);
    stage.sweep(0, 3_600).await;
    let claimed = stage.claim("ops", 3_600).await.unwrap();
    stage.refused("ops", &claimed, again(), 3_700).await;
    stage.hear(late, 2_900).await.unwrap();
    let told = stage.notices("ops", 5_000).await;
    assert!(told.len() == 1 && told[0].reason.starts_with("recorded late"), "the answer was lost, and not the alarm: {told:?}");
    assert!(stage.notices("mail", 5_000).await.is_empty(), "who was told nothing is told nothing");
}

#[tokio::test]
async fn who_comes_too_late_does_not_let_go_of_anothers_claim() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 0).await;
    let slow = stage.claim("ops", 0).await.unwrap();
    let other = stage.claim("ops", 20_000).await.unwrap();
    assert_eq!(slow.notice().key, other.notice().key);
    stage.refused("ops", &slow, again(), 20_100).await;
    assert!(stage.claim("ops", 22_000).await.is_none(), "the other one is telling it");
    stage.taken("ops", &other, 22_100).await;
    assert!(stage.notices("ops", 60_000).await.iter().all(|notice| notice.key != other.notice().key));
}
