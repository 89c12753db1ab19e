//! Many at once are told as one.

use std::time::Duration;

use super::stage::{Stage, at, rule, settings};
use crate::domain::beat::{Beat, Showing};
use crate::domain::check::{Check, Status};
use crate::domain::colour::Colour;
use crate::domain::follow_up::Escalation;
use crate::domain::grouping::CROWD;
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::quiet::QuietKind;
use crate::domain::schedule::Schedule;
use crate::monitor::MonitorSettings;
use crate::monitor::orders::{AckOrder, QuietOrder};

pub(super) fn names(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("job-{number:03}")).collect()
}

async fn stage(count: usize) -> Stage {
    let names = names(count);
    Stage::new(&names.iter().map(String::as_str).chain(["blue"]).collect::<Vec<_>>()).await
}

/// Due once an hour: one bad beat is a down, and one good beat is its end.
pub(super) fn hourly(names: &[String]) -> MonitorSettings {
    let mut settings = settings(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for expected in settings.checks.iter_mut() {
        let schedule = Schedule::Every(Duration::from_secs(3_600));
        expected.check = Check { schedule, rise: 1, fall: 1, ..expected.check.clone() };
    }
    settings
}

/// All of this is heard in one commit.
pub(super) async fn commit(stage: &Stage, beats: Vec<Beat>, now: i64) {
    let arrived: Vec<_> = beats.into_iter().map(|beat| stage.arrived(beat, now)).collect();
    let answers = stage.monitor.ingest(&arrived, at(now)).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// They say in one commit how they are.
pub(super) async fn say(stage: &mut Stage, names: &[String], showing: Showing, now: i64) {
    let beats = names.iter().map(|name| stage.beat(name, showing, now)).collect();
    commit(stage, beats, now).await;
}

/// After so many seconds `pager` is told.
fn pager_after(seconds: u64) -> Option<Escalation> {
    Some(Escalation { after: Duration::from_secs(seconds), to: vec!["pager".into()] })
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

#[tokio::test]
async fn many_that_fail_at_once_are_one_alarm_that_names_them_and_one_end() {
    let names = names(40);
    let mut stage = Stage::with(hourly(&names)).await;
    stage.sweep(0, 800).await;
    say(&mut stage, &names, Showing::Bad, 1_000).await;
    let down = stage.notices("ops", 1_000).await;
    assert_eq!((down.len(), down[0].kind, down[0].also.clone()), (1, NoticeKind::CheckDown, names.clone()));
    assert_eq!(down[0].headline(), "shop: 40 checks are not working");
    assert!(!down[0].reason.contains("ours"), "they were heard: {}", down[0].reason);

    say(&mut stage, &names[..39], Showing::Good, 2_000).await;
    stage.sweep(1_000, 2_000).await;
    assert!(stage.told("ops", 2_000).await.is_empty(), "one of them is not working");
    say(&mut stage, &names[39..], Showing::Good, 3_000).await;
    stage.sweep(2_200, 3_000).await;
    let over = stage.notices("ops", 3_000).await;
    assert_eq!((over.len(), over[0].kind), (1, NoticeKind::CheckResolved));
    assert_eq!(over[0].subject.incident, down[0].subject.incident);
}

#[tokio::test]
async fn what_fails_alone_or_with_few_is_told_in_the_commit_in_which_it_is_heard() {
    let names = names(4);
    let mut stage = Stage::with(hourly(&names)).await;
    say(&mut stage, &names[..1], Showing::Bad, 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job-001"]);
    say(&mut stage, &names[1..], Showing::Bad, 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job-002", "check.down job-003", "check.down job-004"]);
}

#[tokio::test]
async fn failures_that_are_heard_one_by_one_are_gathered_after_twenty_and_what_is_critical_is_not() {
    let names = names(60);
    let mut stage = Stage::with(hourly(&[names.as_slice(), &["site".to_owned()]].concat())).await;
    stage.sweep(0, 800).await;
    let mut told = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let now = 1_000 + 50 * i64::try_from(number).unwrap();
        say(&mut stage, std::slice::from_ref(name), Showing::Bad, now).await;
        told.extend(stage.told("ops", now).await);
        stage.sweep(now, now).await;
    }
    assert_eq!(told, names[..20].iter().map(|name| format!("check.down {name}")).collect::<Vec<_>>());
    say(&mut stage, &["site".to_owned()], Showing::Bad, 4_000).await;
    assert_eq!(stage.told("ops", 4_000).await, ["check.down site"]);
    stage.sweep(4_000, 9_800).await;
    assert!(stage.told("ops", 9_800).await.is_empty());
    stage.sweep(10_000, 10_000).await;
    let gathered = stage.notices("ops", 10_000).await;
    assert_eq!(gathered.iter().map(|notice| notice.also.clone()).collect::<Vec<_>>(), [names[20..].to_vec()]);
}

#[tokio::test]
async fn what_ends_in_the_commit_in_which_it_began_is_one_message_and_stays_over() {
    let names = names(6);
    let mut stage = Stage::with(hourly(&names)).await;
    let both = [Showing::Bad, Showing::Good].map(|showing| stage.beat("job-001", showing, 1_000));
    commit(&stage, both.to_vec(), 1_000).await;
    let told = stage.notices("ops", 1_000).await;
    assert_eq!((told.len(), told[0].kind), (1, NoticeKind::CheckResolved));
    assert!(told[0].reason.starts_with("was down from"), "{}", told[0].reason);
    assert!(stage.open().await.is_empty());

    let mut beats: Vec<_> = names.iter().map(|name| stage.beat(name, Showing::Bad, 2_000)).collect();
    beats.push(stage.beat("job-003", Showing::Good, 2_000));
    commit(&stage, beats, 2_000).await;
    let told = stage.notices("ops", 2_000).await;
    let others: Vec<_> = names.iter().filter(|name| *name != "job-003").cloned().collect();
    assert_eq!(told.iter().map(|notice| notice.also.clone()).collect::<Vec<_>>(), [others]);
}

#[tokio::test]
async fn what_a_cause_explains_that_opens_in_the_same_commit_is_listed_there_and_not_told() {
    let mut settings = settings(&["page", "green"]);
    settings.checks[0].behind = vec!["green".into()];
    let mut stage = Stage::with(settings).await;
    stage.live_is_blue(0).await;
    stage.bad("page", 800).await;
    stage.bad("page", 850).await;
    // Well after the trouble of the page began: for a moment there is no cause.
    stage.good("green", 900).await;
    let beats = ["page", "green", "green", "green"].map(|check| stage.beat(check, Showing::Bad, 1_000));
    commit(&stage, beats.to_vec(), 1_000).await;
    stage.sweep(1_000, 2_400).await;
    let told = stage.notices("ops", 2_400).await;
    let told: Vec<_> = told.iter().map(|notice| (notice.subject.check.as_str(), notice.also.clone())).collect();
    assert_eq!(told, [("green", vec!["page".to_owned()])]);
}

#[tokio::test]
async fn a_batch_of_which_a_beat_is_said_again_tells_its_failures_together_and_once() {
    let names = names(7);
    let mut stage = Stage::with(hourly(&names)).await;
    let first = stage.beat("job-001", Showing::Bad, 1_000);
    commit(&stage, vec![first.clone()], 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job-001"]);
    let mut beats = vec![first];
    beats.extend(names[1..].iter().map(|name| stage.beat(name, Showing::Bad, 2_000)));
    commit(&stage, beats, 2_000).await;
    let told = stage.notices("ops", 2_000).await;
    assert_eq!(told.iter().map(|notice| notice.also.clone()).collect::<Vec<_>>(), [names[1..].to_vec()]);
}

#[tokio::test]
async fn what_is_muted_and_fails_with_many_is_not_named_with_them() {
    let names = names(7);
    let mut stage = Stage::with(hourly(&names)).await;
    let quiet = QuietOrder { check: "job-003".into(), kind: QuietKind::Mute, for_ms: 60_000, by: "ann".into(), note: None };
    stage.monitor.quiet(quiet, at(0)).await.unwrap();
    say(&mut stage, &names, Showing::Bad, 1_000).await;
    let told = stage.notices("ops", 1_000).await;
    let others: Vec<_> = names.iter().filter(|name| *name != "job-003").cloned().collect();
    assert_eq!(told.iter().map(|notice| notice.also.clone()).collect::<Vec<_>>(), [others]);
    assert_eq!(stage.status("job-003").await, Status::Down);
}

#[tokio::test]
async fn who_has_a_plan_of_its_own_is_in_no_group_with_others_and_escalated_by_it() {
    let mut settings = settings(&["alpha", "bravo", "charlie", "delta", "payments", "blue"]);
    settings.channels.push(rule("pager"));
    settings.checks[4].plan.escalate = pager_after(30);
    let mut stage = Stage::with(settings).await;
    let down = told(&mut stage, 0, 40_000).await;
    let named: Vec<_> = down.iter().map(|notice| notice.also.clone()).collect();
    assert_eq!(named, [["alpha", "bravo", "charlie", "delta"].map(str::to_owned).to_vec(), Vec::new()]);
    assert_eq!(stage.told("pager", 40_000).await, ["check.down payments"]);
}

#[tokio::test]
async fn a_group_that_was_told_under_another_config_is_escalated_as_any_of_its_checks_is() {
    let mut settings = settings(&["alpha", "bravo", "charlie", "delta", "payments", "blue"]);
    settings.channels.push(rule("pager"));
    settings.checks.iter_mut().for_each(|expected| expected.plan.remind = Some(Duration::from_secs(20)));
    let mut stage = Stage::with(settings.clone()).await;
    let down = told(&mut stage, 0, 4_000).await;
    assert_eq!((down.len(), down[0].also.len()), (1, 5));
    settings.checks[4].plan.escalate = pager_after(10);
    stage.restart_with(settings, 4_200).await;
    told(&mut stage, 4_200, 30_000).await;
    assert_eq!(stage.told("pager", 30_000).await, [format!("check.down {}", down[0].subject.check)]);
}

#[tokio::test]
async fn what_stands_behind_one_of_a_group_is_listed_with_it() {
    let names = [names(5), vec!["db".to_owned(), "report".to_owned()]].concat();
    let mut settings = hourly(&names);
    settings.checks[6].behind = vec!["db".into()];
    let mut stage = Stage::with(settings).await;
    stage.sweep(0, 800).await;
    say(&mut stage, &names, Showing::Bad, 1_000).await;
    let down = stage.notices("ops", 1_000).await;
    let mut all = names.clone();
    all.sort();
    assert_eq!(down.iter().map(|notice| notice.also.clone()).collect::<Vec<_>>(), [all]);
    say(&mut stage, &names[..6], Showing::Good, 2_000).await;
    stage.sweep(1_000, 2_000).await;
    assert!(stage.told("ops", 2_000).await.is_empty(), "the report is not working");
    say(&mut stage, &names[6..], Showing::Good, 3_000).await;
    stage.sweep(2_200, 3_000).await;
    assert_eq!(stage.told("ops", 3_000).await, [format!("check.resolved {}", down[0].subject.check)]);
}

#[tokio::test]
async fn what_may_explain_others_is_in_no_group_and_what_outlasts_it_is_told_beside_one() {
    let names = names(8);
    let mut stage = Stage::new(&names.iter().map(String::as_str).chain(["blue", "prober"]).collect::<Vec<_>>()).await;
    stage.live_is_blue(0).await;
    stage.sweep(0, 6_000).await;
    let mut named: Vec<_> = stage.notices("ops", 6_000).await.into_iter().map(|notice| notice.also).collect();
    named.sort();
    assert_eq!(named, [vec!["blue".to_owned()], names]);
    let mut told = Vec::new();
    for now in (6_200..=12_000).step_by(200) {
        stage.good("prober", now).await;
        stage.bad("blue", now).await;
        stage.sweep(now, now).await;
        told.extend(stage.told("ops", now).await);
    }
    assert_eq!(told, ["check.resolved prober", "check.down blue"], "though those who fell with it are still down");
}
