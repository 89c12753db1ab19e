//! The system's clock is set while we run.

use std::future::ready;

use futures_util::FutureExt;

use super::stage::{Stage, at, settings};
use crate::domain::beat::{DeployUnderWay, Live};
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::schedule::Schedule;
use crate::notify::SendError;

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_step_of_an_hour_alarms_for_itself_and_for_nobody_else() {
    for by in [HOUR, -HOUR] {
        let mut stage = Stage::new(&["job", "gone"]).await;
        for now in (0..=10_000).step_by(200) {
            stage.good("job", now).await;
            if now <= 8_000 {
                stage.good("gone", now).await;
            }
            stage.sweep(now, now).await;
        }
        stage.monitor.stepped(by, at(10_100 + by)).await.unwrap();
        for now in (10_200..=20_000).step_by(200) {
            stage.good("job", now + by).await;
            stage.sweep(now + by, now + by).await;
        }
        let told = stage.notices("ops", 20_000 + by).await;
        let words: Vec<String> = told.iter().map(|notice| format!("{} {}", notice.kind, notice.subject.check)).collect();
        assert_eq!(words, ["clock.step watcher", "check.down gone"], "{by}: no blindness, no storm, and who is gone is missed in its time");
        assert!(told[0].reason.contains("stepped by 1h, "), "{}", told[0].reason);
        assert_eq!(told[1].since, at(11_000 + by), "the period and the grace after its last beat, by the new clock");
    }
}

#[tokio::test]
async fn a_step_of_seconds_is_followed_and_not_told() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 1_800).await;
    stage.monitor.stepped(20_000, at(22_000)).await.unwrap();
    stage.sweep(22_000, 23_800).await;
    assert_eq!(stage.status("job").await, Status::Up);
    assert!(stage.told("ops", 23_800).await.is_empty());
    stage.sweep(24_000, 25_000).await;
    assert_eq!(stage.told("ops", 25_000).await, ["check.down job"]);
}

#[tokio::test]
async fn trouble_has_lasted_as_long_as_it_did_though_the_clock_was_set_meanwhile() {
    for by in [HOUR, -HOUR] {
        let mut stage = Stage::new(&["job"]).await;
        stage.down("job", 1_000).await;
        assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
        stage.monitor.stepped(by, at(2_100 + by)).await.unwrap();
        stage.good("job", 5_000 + by).await;
        stage.good("job", 6_000 + by).await;
        let told = stage.notices("ops", 6_000 + by).await;
        let end = told.last().unwrap();
        assert_eq!((end.since, end.duration_seconds), (at(800 + by), Some(5)), "{by}: {end:?}");
    }
}

#[tokio::test]
async fn who_hears_of_an_end_after_the_clock_was_set_hears_when_it_began_by_the_new_clock() {
    for by in [HOUR, -HOUR] {
        let mut stage = Stage::new(&["job"]).await;
        stage.down("job", 1_000).await;
        let beginning = stage.claim("ops", 1_000).await.unwrap();
        stage.good("job", 5_000).await;
        stage.good("job", 6_000).await;
        stage.monitor.stepped(by, at(6_100 + by)).await.unwrap();
        stage.refused("ops", &beginning, SendError::Retry { why: "connection refused".into(), after: None }, 6_200 + by).await;
        let told = stage.notices("ops", 20_000 + by).await;
        let end = told.iter().find(|notice| notice.subject.check == "job").unwrap();
        assert_eq!((end.kind.as_str(), end.since, end.duration_seconds), ("check.resolved", at(800 + by), Some(5)), "{by}: {end:?}");
    }
}

#[tokio::test]
async fn a_retry_waits_no_longer_because_the_clock_was_set_back() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    let claimed = stage.claim("ops", 1_000).await.unwrap();
    stage.refused("ops", &claimed, SendError::Retry { why: "connection refused".into(), after: None }, 1_000).await;
    stage.monitor.stepped(-HOUR, at(1_500 - HOUR)).await.unwrap();
    assert_eq!(stage.told("ops", 1_900 - HOUR).await, ["clock.step watcher"]);
    assert_eq!(stage.told("ops", 2_000 - HOUR).await, ["check.down job"]);
}

#[tokio::test]
async fn a_schedule_is_due_by_the_new_clock() {
    let mut settings = settings(&["nightly"]);
    settings.checks[0].check.schedule = Schedule::parse("0 * * * *", "UTC").unwrap();
    let mut stage = Stage::with(settings).await;
    stage.good("nightly", 1_000).await;
    let due = |stage: &Stage| {
        let monitor = stage.monitor.clone();
        async move { monitor.overview(Vec::new(), at(2_000)).await.unwrap().checks[0].due }
    };
    let before = due(&stage).await;
    stage.monitor.stepped(2 * HOUR, at(2_000 + 2 * HOUR)).await.unwrap();
    assert_eq!(due(&stage).await.since(before).as_secs(), 2 * 3_600, "on the hour, as ever");
    stage.monitor.stepped(90_000, at(3_000 + 2 * HOUR)).await.unwrap();
    assert_eq!(due(&stage).await.since(before).as_secs(), 2 * 3_600, "and not a minute and a half past it");
}

/// Due at the seventh minute of every hour, which is 20 s from the beginning.
async fn hourly() -> Stage {
    let mut settings = settings(&["hourly"]);
    settings.checks[0].check.schedule = Schedule::parse("7 * * * *", "UTC").unwrap();
    let stage = Stage::with(settings).await;
    stage.sweep(0, 20_800).await;
    stage
}

#[tokio::test]
async fn a_beat_in_time_for_its_schedule_is_followed_by_no_alarm_though_the_clock_shows_that_time_again_or_passes_over_the_next() {
    for by in [-2_000, -15_000, HOUR - 5_000] {
        let mut stage = hourly().await;
        stage.good("hourly", 21_000).await;
        stage.sweep(21_000, 30_000).await;
        stage.monitor.stepped(by, at(30_200 + by)).await.unwrap();
        stage.sweep(30_400 + by, 45_000 + by).await;
        assert!(stage.open().await.is_empty(), "{by}");
        stage.restart(45_000 + by).await;
        stage.sweep(45_200 + by, 50_000 + by).await;
        assert!(stage.open().await.is_empty(), "{by}: nor after another start");
    }
}

#[tokio::test]
async fn a_time_that_was_missed_stays_missed_though_the_clock_shows_it_again() {
    let stage = hourly().await;
    stage.monitor.stepped(-10_000, at(11_000)).await.unwrap();
    stage.sweep(11_200, 12_400).await;
    assert!(stage.open().await.is_empty());
    stage.sweep(12_600, 13_400).await;
    assert_eq!(stage.open().await[0].incident.since, at(12_000), "two seconds after it was due, by any clock");
}

#[tokio::test]
async fn a_beat_under_way_when_the_clock_is_set_counts_from_when_it_came() {
    for by in [HOUR, -HOUR] {
        let mut stage = Stage::new(&["job"]).await;
        let beat = stage.beat("job", crate::domain::beat::Showing::Good, 1_000);
        let arrived = stage.arrived(beat, 1_000);
        stage.sweep(1_000, 1_200).await;
        stage.monitor.redate(|| by);
        stage.monitor.stepped(by, at(1_400 + by)).await.unwrap();
        stage.monitor.ingest(&[arrived], at(1_500 + by)).await;
        stage.sweep(1_600 + by, 4_400 + by).await;
        assert!(stage.open().await.is_empty(), "{by}: three seconds after it came");
        stage.sweep(4_600 + by, 4_600 + by).await;
        assert_eq!(stage.open().await[0].incident.since, at(4_000 + by), "{by}: and not an hour later");
    }
}

#[tokio::test]
async fn a_beat_that_looks_new_by_the_new_clock_was_heard_by_the_old_one() {
    let mut stage = Stage::new(&["job"]).await;
    stage.good("job", 1_000).await;
    stage.sweep(1_000, 2_600).await;
    stage.monitor.stepped(-1_500, at(2_600 - 1_500)).await.unwrap();
    stage.sweep(2_800 - 1_500, 4_400 - 1_500).await;
    assert!(stage.open().await.is_empty());
    stage.sweep(4_600 - 1_500, 4_600 - 1_500).await;
    assert_eq!(
        stage.open().await[0].incident.since,
        at(4_000 - 1_500),
        "three seconds after it came, though the clock was set back by as much as its age"
    );
}

#[tokio::test]
async fn nobody_writes_a_moment_while_the_store_is_dated_by_the_clock_as_it_was() {
    let stage = Stage::new(&["job"]).await;
    let alone = stage.monitor.steady.write().await;
    assert_eq!(stage.monitor.dated(ready).now_or_never(), None, "it waits");
    drop(alone);
    assert!(stage.monitor.dated(ready).now_or_never().is_some());
}

#[tokio::test]
async fn what_was_told_together_before_the_clock_was_set_back_keeps_nobody_waiting_afterwards() {
    let names = ["one", "two", "three", "four", "five", "six", "late"];
    let mut stage = Stage::new(&names).await;
    for name in names {
        stage.good(name, 1_000).await;
    }
    for now in (1_200..=61_000).step_by(200) {
        stage.good("late", now).await;
        stage.sweep(now, now).await;
    }
    assert_eq!(stage.told("ops", 61_000).await.len(), 1, "the others, together");
    stage.monitor.stepped(-HOUR, at(61_100 - HOUR)).await.unwrap();
    for now in (61_200..=63_000).step_by(200) {
        stage.good("late", now - HOUR).await;
        stage.sweep(now - HOUR, now - HOUR).await;
    }
    for now in (63_200..=67_000).step_by(200) {
        stage.sweep(now - HOUR, now - HOUR).await;
    }
    assert_eq!(stage.told("ops", 67_000 - HOUR).await, ["clock.step watcher", "check.down late"], "at once, and by itself");
}

#[tokio::test]
async fn a_beat_in_time_that_is_stored_after_the_flip_and_after_a_step_of_the_clock_takes_the_flip_back_and_keeps_its_time() {
    for (name, by) in [("job", HOUR), ("job", -HOUR), ("heartbeat-blue", HOUR), ("heartbeat-blue", -HOUR)] {
        let mut stage = Stage::new(&[name]).await;
        stage.good(name, 1_000).await;
        stage.sweep(1_000, 4_800).await;
        assert_eq!(stage.status(name).await, Status::Down, "{name}");
        stage.monitor.stepped(by, at(5_000 + by)).await.unwrap();
        // Another watcher had it in hand, and stood still.
        stage.good(name, 3_500 + by).await;
        stage.sweep(5_200 + by, 6_800 + by).await;
        assert!(stage.open().await.is_empty(), "{name}, {by}: three seconds after it came");
        stage.sweep(7_000 + by, 7_000 + by).await;
        assert_eq!(stage.open().await.len(), 1, "{name}, {by}: and not an hour later");
    }
}

#[tokio::test]
async fn a_deploy_is_quiet_for_as_long_as_it_has_though_the_clock_is_set_meanwhile() {
    for by in [HOUR, -HOUR] {
        let mut stage = Stage::new(&["green", "prober"]).await;
        let deploy = Some(DeployUnderWay { colour: Colour::Green, until: at(30_000) });
        stage.live(Live { colour: Some(Colour::Blue), epoch: 1, deploy, ..Live::default() }, 1_000).await;
        stage.monitor.stepped(by, at(2_000 + by)).await.unwrap();
        stage.down("green", 29_900 + by).await;
        assert!(stage.open().await.is_empty(), "{by}: what is being replaced may fail");
        stage.bad("green", 30_100 + by).await;
        let open: Vec<String> = stage.open().await.into_iter().map(|open| open.incident.check).collect();
        assert_eq!(open, ["green"], "{by}: until its own deadline, and no longer");
        let heard_at = stage.monitor.overview(Vec::new(), at(30_200 + by)).await.unwrap().live.heard_at;
        assert_eq!(heard_at, Some(at(1_000 + by)), "{by}: it was said as long ago as before");
    }
}
