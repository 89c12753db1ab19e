//! Many at once are told as one.

use super::stage::{Stage, at, settings};
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::grouping::CROWD;
use crate::domain::notice::{Notice, NoticeKind};
use crate::monitor::orders::AckOrder;

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("job-{number:03}")).collect()
}

async fn stage(count: usize) -> Stage {
    let names = names(count);
    Stage::new(&names.iter().map(String::as_str).chain(["blue"]).collect::<Vec<_>>()).await
}

/// What `ops` is told from one moment to another, with blue well all the time.
async fn told(stage: &mut Stage, from: i64, to: i64) -> Vec<Notice> {
    let mut told = Vec::new();
    for now in (from..=to).step_by(200) {
        stage.good("blue", now).await;
        stage.sweep(now, now).await;
        told.extend(stage.notices("ops", now).await);
    }
    told
}

#[tokio::test]
async fn many_that_fall_silent_at_once_are_one_alarm_that_names_them_and_one_end() {
    let mut stage = stage(40).await;
    let down = told(&mut stage, 0, 4_000).await;
    assert_eq!((down.len(), down[0].kind, down[0].also.clone()), (1, NoticeKind::CheckDown, names(40)));
    assert_eq!(down[0].headline(), "shop: 40 checks are not working");
    assert!(!down[0].reason.contains("may be ours"), "blue was heard: {}", down[0].reason);
    let ack = AckOrder { which: Some("job-017".into()), by: "ann".into(), note: None };
    assert_eq!(stage.monitor.acknowledge(&ack, at(4_000)).await.unwrap().incident, down[0].subject.incident, "the group is what was told");

    for name in &names(39) {
        stage.up(name, 5_000).await;
    }
    assert!(
        told(&mut stage, 5_200, 7_000).await.is_empty(),
        "one of them is not working, and the others are silent again no sooner than this"
    );
    stage.up("job-040", 7_100).await;
    let over = told(&mut stage, 7_200, 7_200).await;
    assert_eq!((over.len(), over[0].kind), (1, NoticeKind::CheckResolved));
    assert_eq!(over[0].subject.incident, down[0].subject.incident);
    assert_eq!(over[0].headline(), "shop: the 40 checks that went down together are working again");
}

#[tokio::test]
async fn the_cause_may_be_ours_where_nothing_at_all_is_heard() {
    let names = names(8);
    let stage = Stage::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    stage.sweep(0, 4_000).await;
    let told = stage.notices("ops", 4_000).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("the common cause may be ours"), "{}", told[0].reason);
}

#[tokio::test]
async fn a_crowd_has_one_line_of_the_log_and_each_of_fewer_has_its_own() {
    // Where somebody listens alone, whether a line is wanted is asked of the thread that says it first, which may be another story's.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    for (count, flips, crowds) in [(CROWD - 1, CROWD - 1, 0), (CROWD, 0, 1)] {
        let names = names(count);
        let stage = Stage::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let log = tempfile::NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.reopen().unwrap()).finish();
        let listening = tracing::subscriber::set_default(subscriber);
        stage.sweep(0, 4_000).await;
        drop(listening);
        let said = std::fs::read_to_string(log.path()).unwrap();
        let lines = |words: &str| said.lines().filter(|line| line.contains(words)).count();
        assert_eq!((lines(": flip check="), lines("so many flip at once")), (flips, crowds), "{count} checks");
        assert_eq!(stage.status("job-001").await, Status::Down);
    }
}

#[tokio::test]
async fn a_few_are_told_each_by_itself() {
    let mut stage = stage(4).await;
    assert_eq!(told(&mut stage, 0, 4_000).await.len(), 4);
}

#[tokio::test]
async fn those_that_fall_later_are_gathered_and_not_told_one_by_one() {
    let mut stage = stage(60).await;
    let names = names(60);
    let mut told = Vec::new();
    // Each is due a little later than the one before: one falls in each second.
    for now in (0..=75_000).step_by(200) {
        stage.good("blue", now).await;
        for (at, name) in names.iter().enumerate() {
            if now <= i64::try_from(at).unwrap() * 1_000 && now % 1_000 == 0 {
                stage.good(name, now).await;
            }
        }
        stage.sweep(now, now).await;
        told.extend(stage.notices("ops", now).await);
    }
    let named: Vec<String> = told
        .iter()
        .flat_map(|notice| if notice.also.is_empty() { vec![notice.subject.check.clone()] } else { notice.also.clone() })
        .collect();
    let mut sorted = named.clone();
    sorted.sort();
    assert_eq!(sorted, names, "everyone once");
    // Twenty by themselves, then a group in every ten seconds.
    assert!(told.len() <= 26, "{} messages: {named:?}", told.len());
}

#[tokio::test]
async fn who_is_told_by_other_channels_is_in_no_group_with_them() {
    let names = names(12);
    let mut settings = settings(&names.iter().map(String::as_str).collect::<Vec<_>>());
    settings.checks.iter_mut().skip(6).for_each(|expected| expected.channels = vec!["mail".into()]);
    let stage = Stage::with(settings).await;
    stage.sweep(0, 4_000).await;
    let ops = stage.notices("ops", 4_000).await;
    assert_eq!(ops.iter().map(|notice| notice.also.clone()).collect::<Vec<_>>(), [names[..6].to_vec()]);
    let mail = stage.notices("mail", 4_000).await;
    assert_eq!(mail.len(), 2);
}

#[tokio::test]
async fn what_is_critical_is_told_by_itself_and_a_group_outlives_a_restart() {
    let names = names(8);
    let all: Vec<&str> = names.iter().map(String::as_str).chain(["heartbeat-blue", "prober"]).collect();
    let mut stage = Stage::new(&all).await;
    stage.live_is_blue(0).await;
    for now in (0..=9_000).step_by(200) {
        stage.good("prober", now).await;
        stage.sweep(now, now).await;
    }
    let told = stage.notices("ops", 9_000).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|notice| notice.subject.check == "heartbeat-blue" && notice.subject.colour == Some(Colour::Blue)));
    stage.restart(10_000).await;
    assert_eq!(stage.status("job-001").await, Status::Down);
    assert_eq!(stage.open().await.len(), 10, "the group and its members are as they were");
}
