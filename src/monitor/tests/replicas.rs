//! Several instances of one check, and a colour that is stopped on purpose.

use super::stage::{Stage, at, settings};
use crate::domain::beat::{Beat, BeatKind, DeployUnderWay, ExpectedInstances, Health, Live, Showing};
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::incident::Severity;
use crate::monitor::MonitorSettings;
use crate::store::instances;

const CHECK: &str = "heartbeat-blue";

fn live(blue: u32, green: u32) -> Live {
    let expected = Some(ExpectedInstances { blue, green });
    Live { colour: Some(Colour::Blue), epoch: 1, phase: None, deploy: None, expected, journal: Vec::new() }
}

/// A heartbeat of blue that expects so many instances by its config.
fn of_blue(count: u32, more: &[&str]) -> MonitorSettings {
    let names: Vec<&str> = [CHECK].into_iter().chain(more.iter().copied()).collect();
    let mut settings = settings(&names);
    settings.checks[0].instances = Some(count);
    settings
}

async fn says(stage: &mut Stage, instance: &str, kind: BeatKind, now: i64) {
    let mut beat = stage.beat(CHECK, if kind == BeatKind::Fail { Showing::Bad } else { Showing::Good }, now);
    beat.identity.instance = instance.to_owned();
    beat.kind = kind;
    if kind == BeatKind::Bye {
        beat.health = Some(Health::not_good(Showing::Good, "ended with code 137"));
    }
    stage.hear(beat, now).await.unwrap();
}

/// Each of these says that all is well, every 200 ms, and the sweep looks as often.
async fn well(stage: &mut Stage, instances: &[&str], from: i64, to: i64) {
    for now in (from..=to).step_by(200) {
        for instance in instances {
            says(stage, instance, BeatKind::Success, now).await;
        }
        stage.sweep(now, now).await;
    }
}

async fn names(stage: &Stage) -> Vec<String> {
    let mut reader = stage.monitor.store.read().await.unwrap();
    instances::of(&mut reader, CHECK).await.unwrap().into_iter().map(|row| row.instance.name).collect()
}

#[tokio::test]
async fn a_replica_that_is_missing_is_one_incident_that_names_it_and_ends_when_the_number_is_back() {
    let mut stage = Stage::with(of_blue(3, &[])).await;
    stage.live_is_blue(0).await;
    well(&mut stage, &["a", "b", "c"], 0, 1_000).await;
    says(&mut stage, "c", BeatKind::Bye, 1_100).await;
    well(&mut stage, &["a", "b"], 1_200, 4_400).await;
    assert!(stage.open().await.is_empty(), "its deadline is at 4 s, and is looked for half a second later");
    well(&mut stage, &["a", "b"], 4_600, 6_000).await;
    let told = stage.notices("ops", 7_000).await;
    assert_eq!((told.len(), told[0].subject.severity, told[0].since), (1, Severity::Warning, at(4_000)));
    assert!(
        told[0].reason.starts_with("2 of 3 instances are well; c: ") && told[0].reason.contains("ended with code 137"),
        "{}",
        told[0].reason
    );
    says(&mut stage, "d", BeatKind::Success, 7_000).await;
    assert_eq!(stage.told("ops", 7_000).await, ["check.resolved heartbeat-blue"]);
    assert_eq!(names(&stage).await, ["a", "b", "d"]);
    well(&mut stage, &["a", "b", "d"], 7_200, 12_000).await;
    assert!(stage.open().await.is_empty());
}

#[tokio::test]
async fn a_second_missing_one_is_told_and_all_of_them_are_critical() {
    let mut stage = Stage::with(of_blue(3, &[])).await;
    stage.live_is_blue(0).await;
    well(&mut stage, &["a", "b", "c"], 0, 1_000).await;
    well(&mut stage, &["a", "b"], 1_200, 5_000).await;
    assert_eq!(stage.told("ops", 6_200).await, ["check.poorly heartbeat-blue"]);
    well(&mut stage, &["a"], 5_200, 9_000).await;
    let again = stage.notices("ops", 9_000).await;
    assert_eq!(again.len(), 1, "{again:?}");
    assert!(again[0].headline().ends_with("is still doing poorly") && again[0].reason.contains("; b: "), "{again:?}");
    stage.sweep(9_200, 13_000).await;
    let down = stage.notices("ops", 15_000).await;
    assert_eq!((down.len(), down[0].subject.severity), (1, Severity::Critical), "{down:?}");
    assert_eq!(stage.open().await.len(), 1, "one fault, one incident");
}

#[tokio::test]
async fn the_order_lowers_the_number_and_nothing_else_does() {
    let mut stage = Stage::with(of_blue(1, &["prober"])).await;
    stage.live(live(3, 1), 0).await;
    well(&mut stage, &["a", "b", "c"], 0, 1_000).await;
    stage.live(live(1, 1), 1_100).await;
    for leaving in ["b", "c"] {
        says(&mut stage, leaving, BeatKind::Bye, 1_200).await;
    }
    for now in (1_200..8_000).step_by(200) {
        stage.live(live(1, 1), now).await;
        well(&mut stage, &["a"], now, now).await;
    }
    assert!(stage.open().await.is_empty());
    assert_eq!(names(&stage).await, ["a"]);
    stage.live(Live { expected: None, ..live(1, 1) }, 8_000).await;
    stage.live(live(2, 1), 8_100).await;
    for now in (8_200..13_000).step_by(200) {
        stage.live(live(2, 1), now).await;
        well(&mut stage, &["a"], now, now).await;
    }
    let open = stage.open().await;
    assert_eq!(open[0].incident.reason.to_string(), "1 of 2 instances is well; 1 was never heard");
}

#[tokio::test]
async fn what_was_recorded_late_takes_the_alarm_back() {
    let mut stage = Stage::with(of_blue(2, &[])).await;
    stage.live_is_blue(0).await;
    well(&mut stage, &["a", "b"], 0, 1_000).await;
    let mut late = stage.beat(CHECK, Showing::Good, 3_900);
    late.identity.instance = "b".into();
    well(&mut stage, &["a"], 1_200, 5_000).await;
    assert_eq!(stage.told("ops", 6_200).await, ["check.poorly heartbeat-blue"]);
    stage.hear(late, 3_900).await.unwrap();
    assert_eq!(stage.status(CHECK).await, Status::Up);
    let back = stage.notices("ops", 6_300).await;
    assert!(back.len() == 1 && back[0].reason.starts_with("recorded late"), "{back:?}");
}

#[tokio::test]
async fn while_we_were_blind_nobody_is_missing_and_whoever_is_silent_is_found() {
    let mut stage = Stage::with(of_blue(2, &[])).await;
    stage.live_is_blue(0).await;
    well(&mut stage, &["a", "b"], 0, 1_000).await;
    stage.restart(600_000).await;
    stage.sweep(600_200, 602_000).await;
    assert_eq!(stage.told("ops", 602_000).await, ["watcher.blind watcher"], "its deadlines moved");
    well(&mut stage, &["a"], 602_200, 632_000).await;
    let told = stage.notices("ops", 632_000).await;
    assert!(told.len() == 1 && told[0].reason.contains("; b: ") && told[0].reason.contains("blind"), "{told:?}");
}

#[tokio::test]
async fn a_deploy_that_replaces_them_all_is_no_alarm() {
    let mut stage = Stage::with(of_blue(2, &["prober"])).await;
    let deploying = Live { deploy: Some(DeployUnderWay { colour: Colour::Blue, until: at(60_000) }), ..live(2, 1) };
    stage.live(live(2, 1), 0).await;
    well(&mut stage, &["a", "b"], 0, 1_000).await;
    stage.live(deploying.clone(), 1_000).await;
    for now in (1_200..9_000).step_by(200) {
        stage.live(deploying.clone(), now).await;
        stage.sweep(now, now).await;
    }
    for now in (9_000..12_000).step_by(200) {
        stage.live(live(2, 1), now).await;
        well(&mut stage, &["c", "d"], now, now).await;
    }
    assert!(stage.open().await.is_empty());
    assert_eq!(names(&stage).await, ["c", "d"]);
}

#[tokio::test]
async fn a_colour_that_is_stopped_on_purpose_is_quiet_and_said_so() {
    let mut stage = Stage::with(of_blue(1, &["blue", "green", "preview", "prober"])).await;
    stage.live(live(1, 1), 0).await;
    stage.down("green", 500).await;
    assert_eq!(stage.open().await[0].incident.check, "green");
    stage.live(live(1, 0), 600).await;
    assert!(stage.open().await.is_empty(), "what is stopped on purpose is no incident");
    for now in (800..20_000).step_by(200) {
        stage.live(live(1, 0), now).await;
        stage.good("blue", now).await;
        stage.bad("green", now).await;
        stage.bad("preview", now).await;
        well(&mut stage, &["a"], now, now).await;
    }
    assert!(stage.open().await.is_empty());
    let overview = stage.monitor.overview(Vec::new(), at(20_000)).await.unwrap();
    let shown = |name: &str| overview.checks.iter().find(|check| check.name == name).unwrap().health.clone();
    assert_eq!((shown("green"), shown("preview"), shown("blue")), ("stopped".into(), "stopped".into(), "working".into()));
    stage.live(Live { expected: None, ..live(1, 0) }, 20_000).await;
    stage.down("green", 20_400).await;
    assert!(stage.open().await.is_empty(), "a prober that cannot read its journal says nothing new");
    stage.live(live(1, 1), 20_500).await;
    assert_eq!(stage.status("green").await, Status::New);
    stage.down("green", 20_900).await;
    assert_eq!(stage.open().await.iter().filter(|open| open.incident.check == "green").count(), 1, "it is expected again");
}

#[tokio::test]
async fn the_stopped_colour_stands_in_the_channels_own_all_is_well() {
    let mut settings = of_blue(1, &["prober"]);
    settings.channels[0].say = Some(std::time::Duration::from_secs(60));
    let mut stage = Stage::with(settings).await;
    stage.live(live(1, 0), 0).await;
    let rule = stage.monitor.settings().channels[0].clone();
    stage.monitor.say(&rule, at(0)).await.unwrap();
    stage.monitor.say(&rule, at(60_000)).await.unwrap();
    let said = stage.notices("ops", 60_000).await;
    assert!(said.iter().any(|notice| notice.reason.contains("green is stopped on purpose")), "{said:?}");
}

#[tokio::test]
async fn a_check_of_ones_own_counts_its_instances_where_it_says_so() {
    let mut settings = settings(&["worker"]);
    settings.checks[0].instances = Some(2);
    let mut stage = Stage::with(settings).await;
    for now in (0..6_000).step_by(200) {
        for (instance, until) in [("one", 6_000), ("two", 1_000)] {
            if now <= until {
                let mut beat = stage.beat("worker", Showing::Good, now);
                beat.identity.instance = instance.to_owned();
                stage.hear(beat, now).await.unwrap();
            }
        }
        stage.sweep(now, now).await;
    }
    let told = stage.notices("ops", 6_000).await;
    assert_eq!((told.len(), told[0].since), (1, at(4_000)));
    assert!(told[0].reason.starts_with("1 of 2 instances is well; two: "), "{}", told[0].reason);
}

#[tokio::test]
async fn a_batch_of_many_instances_is_one_commit_and_each_is_kept() {
    let stage = {
        let mut stage = Stage::with(of_blue(50, &[])).await;
        let beats: Vec<Beat> = (0..50).map(|number| numbered(&mut stage, number)).collect();
        let batch: Vec<_> = beats.into_iter().map(|beat| stage.arrived(beat, 1_000)).collect();
        assert!(stage.monitor.ingest(&batch, at(1_000)).await.iter().all(Result::is_ok));
        stage
    };
    assert_eq!(names(&stage).await.len(), 50);
    let overview = stage.monitor.overview(Vec::new(), at(1_100)).await.unwrap();
    let counted = overview.checks[0].instances.clone().unwrap();
    assert_eq!((counted.expected, counted.well, counted.unknown()), (50, 50, 0));
}

fn numbered(stage: &mut Stage, number: u32) -> Beat {
    let mut beat = stage.beat(CHECK, Showing::Good, 1_000);
    beat.identity.instance = format!("blue-{number}");
    beat
}
