use super::stage::{Stage, at, rule, settings};
use crate::monitor::{MonitorSettings, Outside};
use crate::notify::SendError;

/// One channel, of this name, is told of everything.
fn with(channel: &str) -> MonitorSettings {
    let mut plan = settings(&["job"]);
    plan.channels = vec![rule(channel)];
    plan.checks[0].channels = vec![channel.into()];
    plan.own_channels = vec![channel.into()];
    plan
}

/// A store in which `ops` has not taken that `job` is down, and was replaced by `mail` then.
async fn replaced() -> Stage {
    let mut stage = Stage::with(with("ops")).await;
    stage.down("job", 0).await;
    let claimed = stage.claim("ops", 0).await.unwrap();
    stage.refused("ops", &claimed, SendError::Permanent { why: "answered 404".into() }, 0).await;
    stage.restart_with(with("mail"), 1_000).await;
    stage
}

#[tokio::test]
async fn what_a_removed_channel_has_not_taken_is_told_by_who_is_left() {
    let stage = replaced().await;
    let told = stage.told("mail", 1_000).await;
    assert!(told.contains(&"check.down job".to_owned()), "{told:?}");
    let mut outside = Outside::new(at(1_000));
    for now in (1_000..=200_000).step_by(1_000) {
        stage.sweep(now, now).await;
    }
    assert_eq!(stage.monitor.settings().channels.len(), 1);
    assert_eq!(outside.withheld(&stage.monitor, at(200_500)).await, None, "nothing waits for a channel that is not there");
}

#[tokio::test]
async fn the_end_is_told_to_who_is_left_where_a_removed_channel_had_heard_of_the_beginning() {
    let mut stage = Stage::with(with("ops")).await;
    stage.down("job", 0).await;
    assert_eq!(stage.told("ops", 0).await, ["check.down job"]);
    stage.restart_with(with("mail"), 1_000).await;
    assert!(stage.told("mail", 1_000).await.is_empty());
    stage.up("job", 2_000).await;
    let end = stage.notices("mail", 2_000).await;
    assert!(end.len() == 1 && end[0].reason.starts_with("was down from "), "{end:?}");
}
