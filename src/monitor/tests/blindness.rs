use std::time::Duration;

use super::stage::{Stage, at, settings};
use crate::domain::beat::{Beat, BeatKind, Showing};
use crate::domain::check::Status;
use crate::domain::notice::NoticeKind;
use crate::domain::schedule::Schedule;

#[tokio::test]
async fn a_deadline_that_fell_while_we_were_down_moves_once() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 2_000).await;
    stage.restart(12_000).await;
    stage.sweep(12_000, 41_800).await;
    assert_eq!(stage.status("job").await, Status::Up, "it has 30 s from our return");
    let told = stage.notices("ops", 41_800).await;
    assert_eq!((told.len(), told[0].kind), (1, NoticeKind::WatcherBlind));
    assert!(told[0].reason.contains("deadlines moved once: job"), "{}", told[0].reason);
    stage.restart(48_000).await;
    stage.sweep(48_000, 49_600).await;
    assert_eq!(stage.status("job").await, Status::Down, "not twice");
    let told = stage.notices("ops", 49_600).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("blind"), "the message says so: {}", told[0].reason);
}

#[tokio::test]
async fn a_run_whose_deadline_fell_while_we_were_down_has_as_long_and_no_longer() {
    let mut settings = settings(&["job"]);
    settings.checks[0].check.schedule = Schedule::Every(Duration::from_secs(3_600));
    settings.checks[0].check.grace = Duration::from_secs(10);
    let mut stage = Stage::with(settings).await;
    let begins = Beat { kind: BeatKind::Start, health: None, ..stage.beat("job", Showing::Good, 1_000) };
    stage.hear(begins, 1_000).await.unwrap();
    stage.sweep(1_000, 2_000).await;
    stage.restart(22_000).await;
    stage.sweep(22_000, 52_400).await;
    assert!(stage.open().await.is_empty(), "its deadline was at 11 s, and it has 30 s from our return");
    let told = stage.notices("ops", 52_400).await;
    assert!(told.len() == 1 && told[0].reason.contains("deadlines moved once: job"), "{told:?}");
    stage.sweep(52_600, 53_200).await;
    let open = stage.open().await;
    assert_eq!(open[0].incident.since, at(52_000));
    assert!(open[0].incident.reason.to_string().ends_with("and never ended"), "{}", open[0].incident.reason);
}

#[tokio::test]
async fn a_loop_that_stood_still_was_blind_too() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 2_000).await;
    stage.sweep(9_000, 9_800).await;
    assert_eq!(stage.status("job").await, Status::Up);
    assert_eq!(stage.told("ops", 9_800).await, ["watcher.blind watcher"]);
}

#[tokio::test]
async fn a_loop_that_stood_still_before_its_first_sweep_was_blind_too() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(9_000, 9_800).await;
    assert_eq!(stage.status("job").await, Status::Up);
}

#[tokio::test]
async fn a_blind_time_in_which_nothing_was_due_is_told_only_when_it_was_long() {
    let mut stage = Stage::new(&[]).await;
    stage.sweep(0, 1_000).await;
    stage.sweep(50_000, 50_000).await;
    assert!(stage.told("ops", 50_000).await.is_empty());
    stage.monitor.stop(at(50_000)).await.unwrap();
    stage.restart(111_000).await;
    stage.sweep(111_000, 111_000).await;
    let told = stage.notices("ops", 111_000).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("it had been stopped"), "{}", told[0].reason);
}

#[tokio::test]
async fn a_short_gap_forgives_nothing() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 3_600).await;
    stage.sweep(5_400, 6_400).await;
    assert_eq!(stage.status("job").await, Status::Down);
}

#[tokio::test]
async fn what_was_sent_while_we_stood_still_is_heard_before_silence_counts() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 2_400).await;
    // Stopped until its deadline, at 4 s, is over; what it has sent meanwhile lies before our door.
    stage.sweep(5_000, 5_000).await;
    stage.good("job", 5_050).await;
    stage.sweep(5_200, 7_000).await;
    assert_eq!(stage.status("job").await, Status::Up);
    assert!(stage.told("ops", 7_000).await.is_empty());
}

#[tokio::test]
async fn a_machine_on_which_every_sweep_is_late_tells_all_the_same() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    for now in (1_000..=8_000).step_by(1_500) {
        stage.sweep(now, now).await;
    }
    assert_eq!(stage.status("job").await, Status::Down);
}

#[tokio::test]
async fn an_hour_of_blindness_with_ten_thousand_checks_is_one_notice_and_then_those_who_are_really_silent() {
    const COUNT: usize = 10_000;
    const HOUR: i64 = 3_600_000;
    let names: Vec<String> = (0..COUNT).map(|number| format!("job-{number:05}")).collect();
    let mut settings = settings(&names.iter().map(String::as_str).collect::<Vec<_>>());
    settings.checks.iter_mut().for_each(|expected| expected.check.grace = Duration::from_secs(60));
    let mut stage = Stage::with(settings).await;
    stage.sweep(0, 0).await;
    stage.restart(HOUR).await;
    stage.sweep(HOUR, HOUR + 200).await;
    let told = stage.notices("ops", HOUR + 200).await;
    assert_eq!((told.len(), told[0].kind), (1, NoticeKind::WatcherBlind));
    assert!(told[0].reason.ends_with("job-00006, job-00007 and 9992 more"), "as short as any: {}", told[0].reason);
    // All but seven are back within the grace that they have from our return.
    for portion in names[7..].chunks(500) {
        let beats: Vec<_> = portion.iter().map(|name| stage.beat(name, Showing::Good, HOUR + 20_000)).collect();
        let arrived: Vec<_> = beats.into_iter().map(|beat| stage.arrived(beat, HOUR + 20_000)).collect();
        assert!(stage.monitor.ingest(&arrived, at(HOUR + 20_000)).await.iter().all(Result::is_ok));
    }
    stage.sweep(HOUR + 400, HOUR + 59_800).await;
    assert!(stage.told("ops", HOUR + 59_800).await.is_empty(), "nobody before the bound");
    stage.sweep(HOUR + 60_000, HOUR + 61_000).await;
    let told = stage.notices("ops", HOUR + 61_000).await;
    assert_eq!(told.len(), 1, "one message: {:?}", told.iter().map(|notice| &notice.subject.check).collect::<Vec<_>>());
    assert_eq!(told[0].also, names[..7]);
}

#[tokio::test]
async fn a_clock_that_was_set_back_while_nobody_watched_has_nobody_told_silent_who_begins_then() {
    const HOUR: i64 = 3_600_000;
    let mut stage = Stage::new(&["old"]).await;
    stage.restart(HOUR).await;
    stage.good("old", HOUR).await;
    stage.sweep(HOUR, HOUR + 2_000).await;
    stage.restart_with(settings(&["old", "new"]), 1_000).await;
    stage.good("new", 1_100).await;
    stage.restart(20_000).await;
    stage.sweep(20_000, 49_400).await;
    assert!(stage.open().await.is_empty(), "its deadline fell while we were down, and it has 30 s from our return");
    stage.sweep(49_600, 50_600).await;
    let open: Vec<_> = stage.open().await.into_iter().map(|open| open.incident.check).collect();
    assert_eq!(open, ["new"], "and no longer");
}
