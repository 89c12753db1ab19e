use std::time::Duration;

use futures_util::FutureExt;

use super::stage::{Stage, at, settings};
use crate::domain::check::Status;
use crate::domain::notice::NoticeKind;

/// Each has a minute of grace, and somebody looks outward when asked. Each is heard once, and down at 62 s.
async fn stage(names: &[&str]) -> Stage {
    let mut settings = settings(names);
    settings.checks.iter_mut().for_each(|expected| expected.check.grace = Duration::from_secs(60));
    let mut stage = Stage::with(settings).await;
    stage.monitor.outward().watch();
    for name in names {
        stage.good(name, 1_000).await;
    }
    stage.sweep(1_000, 62_400).await;
    assert!(!is_asked(&stage), "nothing is due");
    stage
}

fn is_asked(stage: &Stage) -> bool {
    stage.monitor.outward().asked().now_or_never().is_some()
}

#[tokio::test]
async fn a_watcher_that_hears_and_reaches_nobody_tells_no_silence_until_it_is_back() {
    let stage = stage(&["job"]).await;
    stage.sweep(62_600, 64_000).await;
    assert!(is_asked(&stage) && stage.status("job").await == Status::Up, "silence waits for the answer");
    stage.monitor.outward().looked(false, at(64_000));
    stage.sweep(64_200, 200_000).await;
    assert!(stage.status("job").await == Status::Up && stage.told("ops", 200_000).await.is_empty());
    let trouble = stage.monitor.pulse().trouble(at(200_000)).unwrap();
    assert!(trouble.contains("reached neither the outside address nor another watcher"), "{trouble}");
    stage.monitor.outward().looked(true, at(200_000));
    stage.sweep(200_200, 201_000).await;
    let told = stage.notices("ops", 201_000).await;
    assert_eq!((told.len(), told[0].kind, told[0].since), (1, NoticeKind::WatcherBlind, at(1_000)));
    assert!(told[0].reason.contains("cut off") && told[0].reason.contains("deadlines moved once: job"), "{}", told[0].reason);
    stage.sweep(201_200, 260_600).await;
    assert_eq!(stage.status("job").await, Status::Up, "it has its grace from our return");
    stage.monitor.outward().looked(true, at(260_800));
    stage.sweep(260_800, 261_000).await;
    assert_eq!(stage.status("job").await, Status::Down, "not twice");
}

#[tokio::test]
async fn a_watcher_that_reaches_somebody_tells_the_silence_at_once() {
    let stage = stage(&["job"]).await;
    stage.sweep(62_600, 62_600).await;
    stage.monitor.outward().looked(true, at(62_700));
    stage.sweep(62_800, 62_800).await;
    assert_eq!(stage.status("job").await, Status::Down);
}

#[tokio::test]
async fn a_look_that_does_not_end_keeps_no_silence_untold() {
    let stage = stage(&["job"]).await;
    stage.sweep(62_600, 66_000).await;
    assert_eq!(stage.status("job").await, Status::Down);
}

#[tokio::test]
async fn while_somebody_speaks_nobody_is_asked() {
    let mut stage = stage(&["job", "other"]).await;
    stage.good("other", 62_500).await;
    stage.sweep(62_600, 62_800).await;
    assert!(!is_asked(&stage));
    assert_eq!(stage.status("job").await, Status::Down);
}

#[tokio::test]
async fn a_watcher_that_is_started_anew_while_it_is_cut_off_moves_deadlines_when_it_is_back() {
    let mut stage = stage(&["job"]).await;
    stage.restart(110_000).await;
    stage.monitor.outward().watch();
    stage.sweep(110_000, 110_000).await;
    assert!(is_asked(&stage));
    stage.monitor.outward().looked(false, at(112_000));
    stage.sweep(112_000, 300_000).await;
    stage.monitor.outward().looked(true, at(300_000));
    stage.sweep(300_200, 359_800).await;
    assert_eq!(stage.status("job").await, Status::Up, "it has its grace from our return, and not from our start");
    assert_eq!(stage.told("ops", 359_800).await, ["watcher.blind watcher"]);
}
