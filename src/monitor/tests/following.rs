//! Acknowledgement, reminders, escalation, mutes, pauses, maintenance: on a real store.

use std::time::Duration;

use super::stage::{Stage, at, rule, settings};
use crate::domain::beat::Live;
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::follow_up::{Escalation, Plan};
use crate::domain::maintenance::{When, Window};
use crate::domain::quiet::QuietKind;
use crate::domain::schedule::Schedule;
use crate::monitor::MonitorSettings;
use crate::monitor::orders::{AckOrder, QuietOrder, ResumeOrder};
use crate::notify::SendError;

fn ack(which: Option<&str>) -> AckOrder {
    AckOrder { which: which.map(str::to_owned), by: "ann@desk".into(), note: Some("looking".into()) }
}

fn quiet(check: &str, kind: QuietKind, seconds: u64) -> QuietOrder {
    QuietOrder { check: check.into(), kind, for_ms: seconds * 1_000, by: "ann@desk".into(), note: None }
}

/// Reminders every 20 s; after 30 s `boss` is told.
fn with_a_plan(names: &[&str]) -> MonitorSettings {
    let mut settings = settings(names);
    settings.channels.push(rule("boss"));
    let escalate = Some(Escalation { after: Duration::from_secs(30), to: vec!["boss".into()] });
    let plan = Plan { remind: Some(Duration::from_secs(20)), escalate };
    settings.checks.iter_mut().for_each(|expected| expected.plan = plan.clone());
    settings
}

/// Bad beats every second, so that nothing is silent, and what each channel is told, every second.
async fn told_until(stage: &mut Stage, check: &str, from: i64, to: i64) -> Vec<(i64, String)> {
    let mut told = Vec::new();
    for now in (from..=to).step_by(1_000) {
        stage.bad(check, now).await;
        stage.sweep(now, now).await;
        for channel in ["ops", "boss"] {
            told.extend(stage.told(channel, now).await.into_iter().map(|words| (now / 1_000, format!("{channel}: {words}"))));
        }
    }
    told
}

#[tokio::test]
async fn what_nobody_acknowledges_is_reminded_of_and_escalated_and_the_end_is_told_to_all() {
    let mut stage = Stage::with(with_a_plan(&["job"])).await;
    stage.down("job", 1_000).await;
    let told = told_until(&mut stage, "job", 1_000, 62_000).await;
    let wanted = [
        (1, "ops: check.down job"),
        (21, "ops: check.reminder job"),
        (31, "boss: check.down job"),
        (41, "ops: check.reminder job"),
        (41, "boss: check.reminder job"),
        (61, "ops: check.reminder job"),
        (61, "boss: check.reminder job"),
    ];
    assert_eq!(told, wanted.map(|(second, words)| (second, words.to_owned())));
    stage.up("job", 63_000).await;
    assert_eq!(stage.told("boss", 63_000).await, ["check.resolved job"]);
    stage.sweep(90_000, 90_000).await;
    assert!(stage.told("ops", 90_000).await.iter().all(|words| words != "check.reminder job"));
}

#[tokio::test]
async fn what_becomes_critical_is_told_whatever_number_a_reminder_has_had() {
    let mut stage = Stage::with(with_a_plan(&["heartbeat-blue", "prober"])).await;
    stage.live(Live { colour: Some(Colour::Green), epoch: 1, ..Live::default() }, 500).await;
    stage.down("heartbeat-blue", 1_000).await;
    let told = told_until(&mut stage, "heartbeat-blue", 1_000, 43_000).await;
    assert!(told.contains(&(41, "ops: check.reminder heartbeat-blue".to_owned())), "the second: {told:?}");
    stage.live(Live { colour: Some(Colour::Blue), epoch: 2, ..Live::default() }, 43_500).await;
    let told = stage.notices("ops", 43_500).await;
    assert!(told.iter().any(|notice| notice.reason.to_string().starts_with("now critical")), "{told:?}");
}

#[tokio::test]
async fn an_acknowledged_incident_is_not_reminded_of_and_stands_on_the_record() {
    let mut stage = Stage::with(with_a_plan(&["job", "other"])).await;
    stage.down("job", 1_000).await;
    stage.down("other", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await.len(), 2);
    let several = stage.monitor.acknowledge(&ack(None), at(2_000)).await.unwrap_err().to_string();
    assert!(several.contains("2 incidents wait") && several.contains("job, other"), "{several}");
    let acknowledged = stage.monitor.acknowledge(&ack(Some("job")), at(2_000)).await.unwrap();
    let again = AckOrder { by: "ben@desk".into(), ..ack(Some(&acknowledged.incident)) };
    assert_eq!(stage.monitor.acknowledge(&again, at(3_000)).await.unwrap().acknowledged, acknowledged.acknowledged, "the first one stays");
    let told = told_until(&mut stage, "job", 3_000, 60_000).await;
    assert!(told.iter().all(|(_, words)| !words.ends_with(" job")), "{told:?}");
    let overview = stage.monitor.overview(Vec::new(), at(60_000)).await.unwrap();
    let view = overview.incidents.iter().find(|view| view.incident.check == "job").unwrap();
    assert_eq!(view.acknowledged.as_ref().map(ToString::to_string).unwrap(), "acknowledged by ann@desk (looking)");
    stage.up("job", 61_000).await;
    assert!(stage.told("ops", 61_000).await.contains(&"check.resolved job".to_owned()));
    let nothing = stage.monitor.acknowledge(&ack(Some("job")), at(62_000)).await.unwrap_err().to_string();
    assert!(nothing.contains("no open incident"), "{nothing}");
}

#[tokio::test]
async fn what_happens_while_muted_is_recorded_and_told_only_if_it_is_there_at_the_end() {
    let mut stage = Stage::new(&["job", "passing"]).await;
    for check in ["job", "passing"] {
        stage.monitor.quiet(quiet(check, QuietKind::Mute, 60), at(0)).await.unwrap();
    }
    stage.down("job", 1_000).await;
    stage.down("passing", 1_000).await;
    stage.up("passing", 10_000).await;
    let mut told = Vec::new();
    for now in (2_000..62_000).step_by(1_000) {
        stage.bad("job", now).await;
        stage.good("passing", now.max(10_000)).await;
        stage.sweep(now, now).await;
        let notices = stage.notices("ops", now).await;
        told.extend(notices.into_iter().map(|notice| (now, format!("{} {}", notice.kind, notice.subject.check), notice.since)));
        if now == 30_000 {
            assert_eq!(stage.status("job").await, Status::Down, "it is recorded");
            let overview = stage.monitor.overview(Vec::new(), at(now)).await.unwrap();
            assert!(overview.incidents[0].hushed.as_ref().unwrap().starts_with("muted by ann@desk"), "{overview:?}");
            assert_eq!(overview.quiet.len(), 2, "{overview:?}");
        }
    }
    assert_eq!(told, [(60_000, "check.down job".to_owned(), at(800))], "once, dated by when it began");
    assert_eq!(stage.monitor.overview(Vec::new(), at(62_000)).await.unwrap().quiet, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_on_its_way_when_somebody_wanted_quiet_is_told_at_its_end() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    let claimed = stage.claim("ops", 1_000).await.unwrap();
    stage.monitor.quiet(quiet("job", QuietKind::Mute, 60), at(1_100)).await.unwrap();
    stage.refused("ops", &claimed, SendError::Retry { why: "no answer".into(), after: None }, 1_200).await;
    let mut told = Vec::new();
    for now in (2_000..64_000).step_by(1_000) {
        stage.bad("job", now).await;
        stage.sweep(now, now).await;
        told.extend(stage.told("ops", now).await.into_iter().map(|words| (now, words)));
    }
    assert_eq!(told, [(62_000, "check.down job".to_owned())]);
}

#[tokio::test]
async fn resume_ends_a_mute_at_once_and_what_was_told_before_is_reminded_of() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
    stage.monitor.quiet(quiet("job", QuietKind::Mute, 3_600), at(2_000)).await.unwrap();
    stage.sweep(2_000, 2_400).await;
    assert!(stage.told("mail", 2_500).await.is_empty(), "what was not told yet waits as well");
    stage.monitor.resume(&ResumeOrder { check: "job".into(), by: "ann@desk".into() }, at(3_000)).await.unwrap();
    stage.sweep(3_000, 3_000).await;
    assert_eq!(stage.told("ops", 3_000).await, ["check.reminder job"]);
    assert_eq!(stage.told("mail", 3_000).await, ["check.down job"], "who has not heard of it hears it now");
    let none = stage.monitor.resume(&ResumeOrder { check: "job".into(), by: "ann".into() }, at(3_000)).await.unwrap_err();
    assert!(none.to_string().contains("nothing is"), "{none}");
}

#[tokio::test]
async fn a_muted_cause_explains_nothing_that_is_not_muted() {
    let mut stage = Stage::new(&["blue", "site", "prober"]).await;
    stage.live_is_blue(0).await;
    stage.good("blue", 0).await;
    stage.good("site", 0).await;
    stage.monitor.quiet(quiet("blue", QuietKind::Mute, 60), at(100)).await.unwrap();
    stage.down("blue", 1_000).await;
    stage.down("site", 1_000).await;
    stage.sweep(1_000, 3_000).await;
    assert_eq!(stage.told("ops", 3_000).await, ["check.down site"]);
}

#[tokio::test]
async fn nothing_is_expected_of_a_paused_check_until_its_time_is_over() {
    let mut stage = Stage::new(&["job", "busy"]).await;
    stage.down("job", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
    stage.monitor.quiet(quiet("job", QuietKind::Pause, 60), at(2_000)).await.unwrap();
    assert_eq!(stage.told("ops", 2_000).await, ["check.resolved job"]);
    for now in (2_000..61_000).step_by(500) {
        stage.good("busy", now).await;
        if now < 10_000 {
            stage.bad("job", now).await;
        }
        stage.sweep(now, now).await;
    }
    assert!(stage.open().await.is_empty(), "it failed, and was silent for a minute");
    let overview = stage.monitor.overview(Vec::new(), at(61_000)).await.unwrap();
    assert!(overview.checks.iter().any(|check| check.name == "job" && check.status == Status::Paused));
    for now in (61_000..=68_000).step_by(500) {
        stage.good("busy", now).await;
        stage.sweep(now, now).await;
    }
    assert_eq!(stage.told("ops", 68_000).await, ["check.down job"], "expected again, as if it were new");
}

#[tokio::test]
async fn a_maintenance_window_hushes_its_checks_and_is_said_in_the_channels_alls_well() {
    let mut settings = settings(&["job", "other"]);
    settings.channels[0].say = Some(Duration::from_secs(5));
    let when = When::Once { from: at(0), to: at(30_000) };
    settings.maintenance = vec![Window { name: "new disk".into(), checks: vec!["job".into()], when }];
    let mut stage = Stage::with(settings).await;
    let rule = stage.monitor.settings().channels[0].clone();
    stage.monitor.say(&rule, at(0)).await.unwrap();
    stage.down("job", 1_000).await;
    stage.down("other", 1_000).await;
    stage.monitor.say(&rule, at(5_000)).await.unwrap();
    let said = stage.notices("ops", 5_000).await;
    let words: Vec<String> = said.iter().map(|notice| format!("{} {}", notice.kind, notice.subject.check)).collect();
    assert_eq!(words, ["check.down other", "channel.well channel-ops"]);
    assert!(said[1].reason.contains("job under maintenance \"new disk\" until"), "{}", said[1].reason);
    for now in (6_000..=30_000).step_by(1_000) {
        stage.bad("job", now).await;
        stage.sweep(now, now).await;
    }
    assert_eq!(stage.told("mail", 30_000).await, ["check.down other", "check.down job"]);
}

#[tokio::test]
async fn what_stands_behind_another_check_is_listed_there_and_not_told() {
    let mut settings = settings(&["proxy", "shop page", "job", "prober"]);
    settings.checks[1].behind = vec!["proxy".into()];
    let mut stage = Stage::with(settings).await;
    for check in ["proxy", "shop page", "job"] {
        stage.good(check, 0).await;
    }
    for check in ["shop page", "job", "proxy"] {
        stage.down(check, 1_000).await;
    }
    stage.sweep(1_000, 3_000).await;
    let told = stage.notices("ops", 3_000).await;
    let mut words: Vec<(String, Vec<String>)> = told.into_iter().map(|notice| (notice.subject.check, notice.also)).collect();
    words.sort();
    assert_eq!(words, [("job".to_owned(), vec![]), ("proxy".to_owned(), vec!["shop page".to_owned()])]);
}

#[tokio::test]
async fn what_is_due_seldom_is_told_soon_after_its_cause_is_over_and_not_only_when_it_is_due() {
    let mut settings = settings(&["db", "backup", "prober"]);
    settings.checks[1].behind = vec!["db".into()];
    settings.checks[1].check.schedule = Schedule::Every(Duration::from_secs(86_400));
    let mut stage = Stage::with(settings).await;
    stage.good("db", 0).await;
    stage.down("db", 1_000).await;
    stage.down("backup", 1_500).await;
    stage.sweep(1_500, 3_000).await;
    assert_eq!(stage.told("ops", 3_000).await, ["check.down db"]);
    stage.up("db", 4_000).await;
    assert_eq!(stage.told("ops", 4_000).await, ["check.resolved db"]);
    let mut told_at = None;
    for now in (4_000..=60_000).step_by(500) {
        stage.good("db", now).await;
        stage.sweep(now, now).await;
        if told_at.is_none() && stage.told("ops", now).await == ["check.down backup"] {
            told_at = Some(now);
        }
    }
    assert!(told_at.is_some_and(|at| (34_000..=37_000).contains(&at)), "{told_at:?}");
}
