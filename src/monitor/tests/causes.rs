//! One fault, one incident: the wait for a cause.

use super::stage::{Stage, at};
use crate::domain::beat::{Live, Showing};
use crate::domain::colour::Colour;
use crate::monitor::overview::Awaited;

async fn blue_is_live(names: &[&str]) -> Stage {
    let mut stage = Stage::new(names).await;
    stage.live(Live { colour: Some(Colour::Blue), epoch: 1, phase: None, deploy: None, expected: None, journal: Vec::new() }, 0).await;
    for name in names.iter().filter(|name| **name != "prober") {
        stage.good(name, 0).await;
    }
    stage
}

#[tokio::test]
async fn what_the_live_colour_explains_is_listed_in_its_notice_and_not_told() {
    let mut stage = blue_is_live(&["blue", "proxy", "site", "heartbeat-blue", "prober"]).await;
    for name in ["site", "heartbeat-blue", "proxy", "blue"] {
        stage.down(name, 1_000).await;
    }
    stage.sweep(1_000, 2_600).await;
    let notices = stage.notices("ops", 2_600).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].subject.check, "blue");
    assert_eq!(notices[0].also, ["heartbeat-blue", "proxy", "site"]);
}

#[tokio::test]
async fn a_notice_waits_while_its_possible_cause_is_undecided() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.down("proxy", 1_000).await;
    stage.bad("blue", 1_050).await;
    stage.sweep(1_000, 2_800).await;
    assert!(stage.told("ops", 2_800).await.is_empty(), "blue fails, once so far");
    stage.bad("blue", 2_850).await;
    stage.bad("blue", 2_900).await;
    assert_eq!(stage.told("ops", 2_900).await, ["check.down blue"]);
}

#[tokio::test]
async fn a_cause_that_never_decides_is_waited_for_no_longer_than_it_may_take() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.down("proxy", 1_000).await;
    stage.bad("blue", 1_050).await;
    let mut told_at = None;
    for now in (1_000..20_000).step_by(200) {
        // Kept alive, and undecided.
        if now % 1_000 == 0 {
            stage.bad("proxy", now).await;
            stage.good("blue", now).await;
            stage.bad("blue", now + 1).await;
        }
        stage.sweep(now, now).await;
        if told_at.is_none() && stage.told("ops", now).await.contains(&"check.down proxy".to_owned()) {
            told_at = Some(now);
        }
    }
    assert!(told_at.is_some_and(|at| (2_000..=6_200).contains(&at)), "{told_at:?}");
}

#[tokio::test]
async fn a_cause_that_was_well_after_the_trouble_began_is_none() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.bad("proxy", 800).await;
    stage.bad("proxy", 900).await;
    stage.good("blue", 950).await;
    stage.bad("proxy", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down proxy"]);
}

#[tokio::test]
async fn what_waits_is_told_as_soon_as_its_possible_causes_are_known_to_be_well() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.down("proxy", 900).await;
    stage.sweep(900, 1_100).await;
    assert!(stage.told("ops", 1_100).await.is_empty(), "nobody has heard of blue since");
    stage.good("blue", 1_150).await;
    stage.sweep(1_200, 1_400).await;
    assert_eq!(stage.told("ops", 1_400).await, ["check.down proxy"]);
}

#[tokio::test]
async fn what_has_no_cause_within_a_second_is_told() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.down("proxy", 900).await;
    stage.sweep(900, 1_800).await;
    assert!(stage.told("ops", 1_800).await.is_empty());
    stage.sweep(1_900, 1_900).await;
    assert_eq!(stage.told("ops", 1_900).await, ["check.down proxy"]);
}

#[tokio::test]
async fn a_held_notice_is_told_even_if_nobody_decides() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.down("proxy", 900).await;
    assert_eq!(stage.told("ops", 30_000).await, ["check.down proxy"], "the courier alone is enough");
}

#[tokio::test]
async fn the_probers_silence_explains_that_of_what_it_probes() {
    let mut stage = blue_is_live(&["blue", "green", "proxy", "prober"]).await;
    let beat = stage.beat("prober", Showing::Good, 100);
    stage.hear(beat, 100).await.unwrap();
    stage.sweep(200, 6_000).await;
    let notices = stage.notices("ops", 6_000).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].subject.check, "prober");
    assert_eq!(notices[0].also, ["blue", "green", "proxy"]);
}

#[tokio::test]
async fn what_is_still_in_trouble_when_its_cause_is_over_is_told_then() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.down("blue", 1_000).await;
    stage.down("proxy", 1_050).await;
    assert_eq!(stage.told("ops", 1_100).await, ["check.down blue"]);
    stage.up("blue", 2_000).await;
    stage.bad("proxy", 2_050).await;
    assert_eq!(stage.told("ops", 2_100).await, ["check.resolved blue"]);
    for now in (2_200..6_000).step_by(200) {
        stage.good("blue", now).await;
        stage.good("prober", now).await;
        stage.bad("proxy", now).await;
        stage.sweep(now, now).await;
    }
    assert_eq!(stage.told("ops", 6_000).await, ["check.down proxy"]);
    stage.up("proxy", 7_000).await;
    assert_eq!(stage.told("ops", 7_000).await, ["check.resolved proxy"]);
}

#[tokio::test]
async fn what_recovers_with_its_cause_is_never_told() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    stage.down("blue", 1_000).await;
    stage.down("proxy", 1_050).await;
    stage.sweep(1_000, 1_600).await;
    let _ = stage.told("ops", 1_600).await;
    stage.up("blue", 2_000).await;
    stage.up("proxy", 3_000).await;
    stage.sweep(2_000, 3_000).await;
    assert_eq!(stage.told("ops", 10_000).await, ["check.resolved blue"]);
    assert_eq!(stage.told("mail", 10_000).await, ["check.resolved blue"]);
}

#[tokio::test]
async fn the_page_says_whether_a_cause_is_looked_for_or_its_end_is_waited_for() {
    let mut stage = blue_is_live(&["blue", "proxy", "prober"]).await;
    let awaits = async |stage: &Stage, now: i64| {
        let open = stage.monitor.overview(Vec::new(), at(now)).await.unwrap().incidents;
        open.into_iter().map(|view| (view.incident.check, view.awaits)).collect::<Vec<_>>()
    };
    stage.down("proxy", 1_000).await;
    stage.bad("blue", 1_050).await;
    assert_eq!(awaits(&stage, 1_100).await, [("proxy".to_owned(), Some(Awaited::Cause))]);
    stage.bad("blue", 1_150).await;
    stage.bad("blue", 1_200).await;
    assert_eq!(awaits(&stage, 1_300).await, [("blue".to_owned(), None)], "the other stands behind it");
    assert_eq!(stage.told("ops", 1_300).await, ["check.down blue"]);
    stage.up("blue", 2_000).await;
    assert_eq!(awaits(&stage, 2_100).await, [("proxy".to_owned(), Some(Awaited::Recovery))]);
    stage.sweep(2_200, 6_000).await;
    assert!(awaits(&stage, 6_000).await.contains(&("proxy".to_owned(), None)), "it is told");
}
