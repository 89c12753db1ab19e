use super::ended::storm;
use super::groups::{hourly, names};
use super::stage::{Stage, at};
use crate::domain::beat::{DeployUnderWay, Live};
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::incident::Severity;
use crate::domain::notice::NoticeKind;

fn live(colour: Colour, epoch: u64) -> Live {
    Live { colour: Some(colour), epoch, phase: None, deploy: None, expected: None, journal: Vec::new() }
}

#[tokio::test]
async fn an_incident_that_becomes_critical_is_told_at_once() {
    let mut stage = Stage::new(&["blue", "green", "prober"]).await;
    stage.live(live(Colour::Blue, 1), 0).await;
    stage.down("green", 1_000).await;
    let first = stage.notices("ops", 1_000).await;
    assert_eq!(first[0].subject.severity, Severity::Warning);
    stage.live(live(Colour::Green, 2), 1_500).await;
    assert_eq!(stage.open().await[0].incident.severity, Severity::Critical);
    let again = stage.notices("ops", 1_500).await;
    assert_eq!((again.len(), again[0].kind, again[0].subject.severity), (1, NoticeKind::CheckReminder, Severity::Critical));
    assert_eq!(again[0].subject.incident, first[0].subject.incident);
    let only = stage.notices("mail", 1_500).await;
    assert_eq!((only.len(), only[0].subject.severity), (1, Severity::Critical), "who was not told yet hears it once, as it is now");
}

#[tokio::test]
async fn a_deploy_keeps_its_colour_quiet_until_its_deadline_and_no_longer() {
    let mut stage = Stage::new(&["blue", "green", "heartbeat-green", "preview", "prober"]).await;
    let mut said = live(Colour::Blue, 1);
    said.deploy = Some(DeployUnderWay { colour: Colour::Green, until: at(10_000) });
    stage.live(said, 0).await;
    stage.down("green", 1_000).await;
    stage.down("preview", 1_000).await;
    stage.down("heartbeat-green", 1_000).await;
    for now in (1_000..9_900).step_by(200) {
        for name in ["green", "preview", "heartbeat-green"] {
            stage.bad(name, now).await;
        }
        for name in ["blue", "prober"] {
            stage.good(name, now).await;
        }
        stage.sweep(now, now).await;
    }
    assert!(stage.open().await.is_empty());
    assert_eq!(stage.status("green").await, Status::Failing);
    stage.sweep(10_000, 11_000).await;
    assert_eq!(stage.status("green").await, Status::Down);
    assert_eq!(stage.told("ops", 12_500).await, ["check.down green"], "and what it explains stands behind it");
}

#[tokio::test]
async fn the_end_of_a_deploy_ends_the_quiet() {
    let mut stage = Stage::new(&["blue", "green", "prober"]).await;
    let mut said = live(Colour::Blue, 1);
    said.deploy = Some(DeployUnderWay { colour: Colour::Green, until: at(600_000) });
    stage.live(said, 0).await;
    stage.sweep(0, 1_000).await;
    stage.down("green", 1_000).await;
    stage.live(live(Colour::Blue, 1), 1_200).await;
    stage.good("blue", 1_300).await;
    stage.sweep(1_400, 2_000).await;
    assert_eq!(stage.status("green").await, Status::Down, "nothing was heard of it since; the sweep decides");
}

#[tokio::test]
async fn what_is_gathered_in_a_storm_and_becomes_critical_waits_for_nobody() {
    let names = names(20);
    let more = ["heartbeat-green", "prober"].map(str::to_owned);
    let mut stage = storm(&names, hourly(&[names.as_slice(), &more].concat())).await;
    stage.live_is_blue(4_900).await;
    stage.bad("heartbeat-green", 5_000).await;
    stage.sweep(5_000, 5_200).await;
    assert!(stage.told("ops", 5_200).await.is_empty(), "it may be told with others at 10 s");
    stage.live(live(Colour::Green, 2), 5_300).await;
    stage.sweep(5_400, 5_400).await;
    let told = stage.notices("ops", 5_400).await;
    let told: Vec<_> = told.iter().map(|notice| (notice.subject.check.as_str(), notice.subject.severity)).collect();
    assert_eq!(told, [("heartbeat-green", Severity::Critical)]);
}
