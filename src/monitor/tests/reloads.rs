//! The config is another one when we begin: what it says of a check counts at once.

use std::time::Duration;

use uuid::Uuid;

use super::stage::{Stage, at, settings};
use crate::domain::beat::Showing;
use crate::domain::check::Status;
use crate::domain::moment::Moment;
use crate::domain::schedule::Schedule;
use crate::domain::sent::Made;
use crate::monitor::{Monitor, MonitorSettings};

const HOUR: Duration = Duration::from_secs(3_600);

fn due(schedule: Schedule) -> MonitorSettings {
    let mut settings = settings(&["job"]);
    settings.checks[0].check.schedule = schedule;
    settings
}

fn every(period: Duration) -> MonitorSettings {
    due(Schedule::Every(period))
}

/// Begins on the same store with another config.
async fn reload(stage: &mut Stage, settings: MonitorSettings, now: i64) {
    stage.monitor = Monitor::new(stage.monitor.store.clone(), settings);
    stage.monitor.start(at(now)).await.unwrap();
}

async fn shown_due(stage: &Stage, now: i64) -> Moment {
    stage.monitor.overview(Vec::new(), at(now)).await.unwrap().checks[0].due
}

#[tokio::test]
async fn a_longer_period_counts_at_once() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 1_800).await;
    reload(&mut stage, every(HOUR), 2_000).await;
    stage.sweep(2_000, 8_000).await;
    assert!(stage.open().await.is_empty(), "the old one would have been over at 4 s");
    assert_eq!(shown_due(&stage, 8_000).await, at(1_000) + HOUR);
}

#[tokio::test]
async fn a_shorter_period_counts_at_once_and_from_now() {
    let mut stage = Stage::with(every(HOUR)).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 3_800).await;
    for now in [4_000, 4_400] {
        reload(&mut stage, every(Duration::from_secs(1)), now).await;
        assert_eq!(shown_due(&stage, now).await, at(5_000), "by the second start as by the first");
    }
    stage.sweep(4_400, 7_400).await;
    assert!(stage.open().await.is_empty());
    stage.sweep(7_600, 8_000).await;
    assert_eq!(stage.open().await[0].incident.since, at(7_000), "and not after an hour");
}

#[tokio::test]
async fn a_schedule_that_becomes_another_one_is_missed_by_neither() {
    // It begins at 40 s past the sixth minute of an hour.
    let schedule = |times: &str| due(Schedule::parse(times, "UTC").unwrap());
    let mut stage = Stage::with(schedule("7 * * * *")).await;
    stage.sweep(0, 20_200).await;
    stage.good("job", 20_400).await;
    stage.sweep(20_400, 23_800).await;
    // This one fell due between the beat and now, when it was not asked for yet.
    reload(&mut stage, schedule("*:07:02"), 24_000).await;
    stage.sweep(24_000, 27_000).await;
    assert!(stage.open().await.is_empty());
    assert_eq!(shown_due(&stage, 27_000).await, at(22_000) + HOUR);
}

#[tokio::test]
async fn a_check_that_was_made_by_a_call_and_is_named_in_the_config_is_due_from_then_on() {
    let mut stage = Stage::new(&[]).await;
    let made = Made { uuid: Uuid::nil(), period_ms: 1_000, grace_ms: 2_000 };
    assert!(stage.monitor.make("job", &made, at(0)).await.unwrap());
    stage.sweep(0, 6_000).await;
    assert_eq!(stage.status("job").await, Status::New, "nobody waits for it yet");
    reload(&mut stage, settings(&["job"]), 6_000).await;
    stage.sweep(6_000, 9_400).await;
    assert_eq!(stage.status("job").await, Status::New);
    stage.sweep(9_600, 10_200).await;
    assert_eq!(stage.open().await[0].incident.since, at(9_000));
}

#[tokio::test]
async fn another_period_counts_for_each_instance() {
    let of_two = |period: Duration| {
        let mut settings = every(period);
        settings.checks[0].instances = Some(2);
        settings
    };
    let mut stage = Stage::with(of_two(Duration::from_secs(1))).await;
    for (instance, now) in [("one", 1_000), ("two", 1_200)] {
        let mut beat = stage.beat("job", Showing::Good, now);
        beat.identity.instance = instance.to_owned();
        stage.hear(beat, now).await.unwrap();
    }
    stage.sweep(1_200, 1_800).await;
    reload(&mut stage, of_two(HOUR), 2_000).await;
    stage.sweep(2_000, 6_000).await;
    assert!(stage.open().await.is_empty(), "the old one would have been over at 4 s");
    for now in [6_200, 6_600] {
        reload(&mut stage, of_two(Duration::from_secs(1)), now).await;
    }
    stage.sweep(6_800, 9_600).await;
    assert!(stage.open().await.is_empty());
    stage.sweep(9_800, 10_400).await;
    assert_eq!(stage.open().await[0].incident.since, at(9_200), "and not after an hour");
}
