//! What was over before anybody had heard of it, of many at once.

use std::time::Duration;

use super::groups::{commit, hourly, names, say};
use super::stage::{Stage, at};
use crate::domain::beat::Showing;
use crate::domain::notice::{Notice, NoticeKind};
use crate::monitor::MonitorSettings;
use crate::monitor::overview::Awaited;

/// What is gathered from 1 s on is told at 10 s.
const ROUND: i64 = 10_000;

/// Of these, one after the other fails. Twenty are told each by itself, to both channels, and the rest waits.
pub(super) async fn storm(names: &[String], settings: MonitorSettings) -> Stage {
    let mut stage = Stage::with(settings).await;
    stage.sweep(0, 800).await;
    let mut now = 1_000;
    for name in names {
        say(&mut stage, std::slice::from_ref(name), Showing::Bad, now).await;
        stage.sweep(now, now).await;
        now += 50;
    }
    let alone: Vec<_> = names[..20].iter().map(|name| format!("check.down {name}")).collect();
    for channel in ["ops", "mail"] {
        assert_eq!(stage.told(channel, now).await, alone);
    }
    stage.sweep(now, 4_800).await;
    stage
}

/// What each message names, and of what kind it is.
fn named(notices: &[Notice]) -> Vec<(NoticeKind, Vec<String>)> {
    let mut named: Vec<_> = notices.iter().map(|notice| (notice.kind, notice.also.clone())).collect();
    named.sort_by_key(|(kind, also)| (kind.as_str(), also.clone()));
    named
}

#[tokio::test]
async fn those_that_end_while_they_are_gathered_are_one_message_that_names_them() {
    let names = names(60);
    let mut stage = storm(&names, hourly(&names)).await;
    say(&mut stage, &names[20..], Showing::Good, 5_000).await;
    stage.sweep(5_000, 9_800).await;
    assert!(stage.told("ops", 9_800).await.is_empty(), "others may join them");
    stage.sweep(ROUND, ROUND).await;
    for channel in ["ops", "mail"] {
        let told = stage.notices(channel, ROUND).await;
        assert_eq!(named(&told), [(NoticeKind::CheckResolved, names[20..].to_vec())]);
        let (reason, since) = (&told[0].reason, told[0].since);
        assert!(reason.starts_with(&format!("was down from {since} until ")), "{reason}");
        assert!(reason.contains("40 checks went down together: job-021, ") && reason.ends_with(" and 32 more"), "{reason}");
        assert_eq!(told[0].duration_seconds, Some(3), "from the first of them to the last");
    }
    say(&mut stage, &names[..20], Showing::Good, 10_200).await;
    stage.sweep(10_200, 12_000).await;
    assert_eq!(stage.told("ops", 12_000).await.len(), 20, "whoever was told alone hears the end alone, and nobody hears anything twice");
    assert!(stage.open().await.is_empty());
}

#[tokio::test]
async fn those_that_end_at_once_and_untold_are_one_message_and_a_few_are_told_each() {
    for (count, messages) in [(6, 1), (4, 4)] {
        let names = names(count);
        let mut stage = Stage::with(hourly(&names)).await;
        for (now, name) in (1_000..).step_by(50).zip(&names) {
            say(&mut stage, std::slice::from_ref(name), Showing::Bad, now).await;
        }
        say(&mut stage, &names, Showing::Good, 2_000).await;
        let told = stage.notices("ops", 2_000).await;
        assert_eq!(told.len(), messages, "{told:?}");
        assert!(told.iter().all(|notice| notice.reason.starts_with("was down from")), "{told:?}");
    }
}

#[tokio::test]
async fn what_is_critical_or_may_explain_others_is_told_at_once_though_it_is_over() {
    let names = names(30);
    let apart = ["heartbeat-blue", "preview"].map(str::to_owned);
    let mut stage = storm(&names, hourly(&[names.as_slice(), &apart].concat())).await;
    say(&mut stage, &apart, Showing::Bad, 5_000).await;
    say(&mut stage, &names[20..], Showing::Good, 5_050).await;
    say(&mut stage, &apart, Showing::Good, 5_100).await;
    assert_eq!(stage.told("ops", 5_100).await, ["check.resolved heartbeat-blue", "check.resolved preview"]);
}

#[tokio::test]
async fn what_is_over_and_what_is_not_are_two_messages_and_one_check_may_be_in_both() {
    let names = names(60);
    let mut stage = storm(&names, hourly(&names)).await;
    // It begins again in the commit in which it ends.
    let mut beats: Vec<_> = names[20..40].iter().map(|name| stage.beat(name, Showing::Good, 5_000)).collect();
    beats.push(stage.beat("job-021", Showing::Bad, 5_000));
    commit(&stage, beats, 5_000).await;
    stage.sweep(5_000, ROUND).await;
    let open = [&names[20..21], &names[40..]].concat();
    let told = stage.notices("ops", ROUND).await;
    assert_eq!(named(&told), [(NoticeKind::CheckDown, open.clone()), (NoticeKind::CheckResolved, names[20..40].to_vec())]);
    assert_ne!(told[0].subject.incident, told[1].subject.incident);
    let down = told.iter().find(|notice| notice.kind == NoticeKind::CheckDown).unwrap();
    say(&mut stage, &open, Showing::Good, 10_200).await;
    stage.sweep(10_200, 10_200).await;
    let over = stage.notices("ops", 10_200).await;
    assert_eq!(named(&over), [(NoticeKind::CheckResolved, open)]);
    assert_eq!(over[0].subject.incident, down.subject.incident);
}

#[tokio::test]
async fn one_check_that_fails_and_ends_twice_is_no_group() {
    let names = names(21);
    let mut stage = storm(&names, hourly(&names)).await;
    let showings = [Showing::Good, Showing::Bad, Showing::Good];
    let beats = showings.map(|showing| stage.beat("job-021", showing, 5_000));
    commit(&stage, beats.to_vec(), 5_000).await;
    stage.sweep(5_000, ROUND).await;
    assert_eq!(stage.told("ops", ROUND).await, ["check.resolved job-021", "check.resolved job-021"], "each time");
}

#[tokio::test]
async fn only_those_with_the_same_channels_and_plan_are_one_message() {
    let names = names(60);
    let mut settings = hourly(&names);
    for (at, expected) in settings.checks.iter_mut().enumerate() {
        match at {
            20..40 => expected.channels = vec!["mail".into()],
            40..50 => expected.plan.remind = Some(Duration::from_secs(3_600)),
            _ => {}
        }
    }
    let mut stage = storm(&names, settings).await;
    say(&mut stage, &names[20..], Showing::Good, 5_000).await;
    stage.sweep(5_000, ROUND).await;
    let of = |from: usize, to: usize| (NoticeKind::CheckResolved, names[from..to].to_vec());
    assert_eq!(named(&stage.notices("ops", ROUND).await), [of(40, 50), of(50, 60)]);
    assert_eq!(named(&stage.notices("mail", ROUND).await), [of(20, 40), of(40, 50), of(50, 60)]);
}

#[tokio::test]
async fn what_was_gathered_is_told_even_if_nobody_decides_and_not_once_more_when_somebody_does() {
    let names = names(30);
    let mut stage = storm(&names, hourly(&names)).await;
    say(&mut stage, &names[20..], Showing::Good, 5_000).await;
    stage.sweep(5_000, 9_800).await;
    assert!(stage.told("ops", 10_900).await.is_empty());
    let each: Vec<_> = names[20..].iter().map(|name| format!("check.resolved {name}")).collect();
    assert_eq!(stage.told("ops", 11_000).await, each, "the courier alone is enough");
    stage.sweep(11_000, 12_000).await;
    assert!(stage.told("ops", 12_000).await.is_empty());
    assert_eq!(stage.told("mail", 12_000).await, each, "and so for all");
}

#[tokio::test]
async fn what_was_held_and_is_told_by_itself_because_nobody_decided_is_told_in_no_group_besides() {
    let names = names(30);
    let mut stage = storm(&names, hourly(&names)).await;
    let each: Vec<_> = names[20..].iter().map(|name| format!("check.down {name}")).collect();
    assert_eq!(stage.told("ops", 11_000).await, each, "the courier alone is enough");
    stage.sweep(11_000, 12_000).await;
    assert!(stage.told("ops", 12_000).await.is_empty(), "they are told already");
    assert_eq!(stage.told("mail", 12_000).await, each, "and so for all");
    say(&mut stage, &names[20..], Showing::Good, 12_100).await;
    stage.sweep(12_200, 12_200).await;
    let over: Vec<_> = names[20..].iter().map(|name| format!("check.resolved {name}")).collect();
    assert_eq!(stage.told("ops", 12_200).await, over);
}

#[tokio::test]
async fn the_page_says_that_others_may_be_told_with_what_is_gathered_be_it_over_or_not_and_no_more_when_it_is_told() {
    let names = names(30);
    let mut stage = storm(&names, hourly(&names)).await;
    say(&mut stage, &names[25..], Showing::Good, 5_000).await;
    let awaits = async |stage: &Stage, name: &str, now: i64| {
        let (_, incident) = stage.monitor.incidents_before(Some(name), (at(60_000), ""), 1).await.unwrap().remove(0);
        let view = stage.monitor.incident_story(&incident.key, at(now)).await.unwrap().unwrap().view;
        assert_eq!(view.is_held, view.awaits.is_some(), "{name}");
        (incident.resolved_at.is_some(), view.awaits)
    };
    assert_eq!(awaits(&stage, &names[0], 5_100).await, (false, None), "it was told by itself");
    assert_eq!(awaits(&stage, &names[20], 5_100).await, (false, Some(Awaited::Others)));
    assert_eq!(awaits(&stage, &names[29], 5_100).await, (true, Some(Awaited::Others)));
    assert_eq!(stage.told("ops", 11_000).await.len(), 10, "the courier alone is enough");
    assert_eq!(awaits(&stage, &names[20], 11_000).await, (false, None));
    assert_eq!(awaits(&stage, &names[29], 11_000).await, (true, None));
}

#[tokio::test]
async fn what_was_gathered_outlives_a_restart() {
    let names = names(30);
    let mut stage = storm(&names, hourly(&names)).await;
    say(&mut stage, &names[20..], Showing::Good, 5_000).await;
    stage.sweep(5_000, 8_800).await;
    stage.restart(9_000).await;
    stage.sweep(9_000, ROUND).await;
    assert_eq!(named(&stage.notices("ops", ROUND).await), [(NoticeKind::CheckResolved, names[20..].to_vec())]);
}

/// `db` and five more, which are told as one; the report stands behind `db`.
fn with_a_report() -> (Vec<String>, MonitorSettings) {
    let names = [names(5), vec!["db".to_owned(), "report".to_owned()]].concat();
    let mut settings = hourly(&names);
    settings.checks.iter_mut().filter(|expected| expected.name == "report").for_each(|expected| expected.behind = vec!["db".into()]);
    (names, settings)
}

#[tokio::test]
async fn what_joins_a_group_behind_one_of_it_is_named_in_its_end_and_not_told() {
    let (names, settings) = with_a_report();
    let mut stage = Stage::with(settings).await;
    stage.sweep(0, 800).await;
    say(&mut stage, &names[..6], Showing::Bad, 1_000).await;
    let down = stage.notices("ops", 1_000).await;
    assert_eq!(named(&down).len(), 1, "{down:?}");
    say(&mut stage, &names[6..], Showing::Bad, 2_000).await;
    stage.sweep(2_000, 4_000).await;
    say(&mut stage, &names[..6], Showing::Good, 4_100).await;
    say(&mut stage, &names[6..], Showing::Good, 4_150).await;
    stage.sweep(4_200, 4_200).await;
    let over = stage.notices("ops", 4_200).await;
    assert_eq!(named(&over), [(NoticeKind::CheckResolved, [&names[5..6], &names[..5], &names[6..]].concat())]);
    assert_eq!(over[0].subject.incident, down[0].subject.incident);
    assert_eq!(over[0].headline(), "shop: the 7 checks that went down together are working again");
}

#[tokio::test]
async fn what_ends_while_it_waits_for_its_cause_is_named_in_the_end_of_that_cause_s_group() {
    let (names, settings) = with_a_report();
    let mut stage = Stage::with(settings).await;
    stage.sweep(0, 800).await;
    let mut beats = vec![stage.beat("report", Showing::Bad, 1_000)];
    beats.extend(names[..6].iter().map(|name| stage.beat(name, Showing::Bad, 1_000)));
    commit(&stage, beats, 1_000).await;
    let down = stage.notices("ops", 1_000).await;
    assert_eq!(named(&down).len(), 1, "{down:?}");
    say(&mut stage, &names[6..], Showing::Good, 1_400).await;
    say(&mut stage, &names[..6], Showing::Good, 1_500).await;
    stage.sweep(1_600, 4_000).await;
    let over = stage.notices("ops", 4_000).await;
    assert_eq!(named(&over), [(NoticeKind::CheckResolved, [&names[5..6], &names[..5], &names[6..]].concat())]);
}
