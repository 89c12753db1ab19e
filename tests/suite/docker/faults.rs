//! Faults of containers, networks and the engine: each is told by its name within its bound, is resolved when it is mended, and nothing
//! besides is told.

mod parts;
mod shop;

use shop::{SAID, SILENT, Shop};

#[tokio::test]
async fn one_replica_of_three_that_is_killed_is_told_by_name_and_resolved_when_the_number_is_back() {
    let shop = Shop::start(3).await;
    let name = shop.name("blue-2");
    shop.docker(&["kill", &name]).await;
    let why = shop.told(&["check.poorly instances-blue"], SAID).await;
    assert!(why.contains("2 of 3 instances are well") && why.contains(&name) && why.contains("137"), "{why}");
    shop.measures("allswell_engine_answers 1").await;
    shop.measures("allswell_instances_in_trouble{colour=\"blue\"} 1").await;
    shop.docker(&["start", &name]).await;
    shop.is_mended(&["check.poorly instances-blue", "check.resolved instances-blue"]).await;
    shop.measures("allswell_instances_in_trouble{colour=\"blue\"} 0").await;
}

#[tokio::test]
async fn a_live_container_that_is_killed_stopped_or_paused_by_hand_is_one_incident_each() {
    let shop = Shop::start(1).await;
    let name = shop.name("blue-1");
    let mut told = Vec::new();
    for (order, mend, words) in [
        ("kill", "start", "exit code 137"),
        ("stop", "start", "was sent signal 15 (stop) by hand"),
        ("pause", "unpause", "is paused by hand"),
    ] {
        shop.docker(&[order, &name]).await;
        told.push("check.down instances-blue");
        let why = shop.told(&told, SAID).await;
        assert!(why.contains(&name) && why.contains(words), "{order}: {why}");
        shop.docker(&[mend, &name]).await;
        told.push("check.resolved instances-blue");
        shop.is_mended(&told).await;
    }
}

#[tokio::test]
async fn a_heartbeat_beside_its_app_that_is_killed_is_told_by_its_silence() {
    let shop = Shop::start(1).await;
    let name = shop.name("green-heartbeat");
    shop.docker(&["kill", &name]).await;
    let why = shop.told(&["check.down heartbeat-green"], SILENT).await;
    assert!(why.contains("no beat since"), "{why}");
    shop.docker(&["start", &name]).await;
    shop.is_mended(&["check.down heartbeat-green", "check.resolved heartbeat-green"]).await;
}

#[tokio::test]
async fn a_colour_that_is_cut_off_is_one_incident() {
    let shop = Shop::start(1).await;
    shop.cut_off("blue-1").await;
    let why = shop.told(&["check.down blue"], SILENT).await;
    assert!(why.contains("no answer") || why.contains("not resolve"), "{why}");
    shop.join_again("blue-1", "blue").await;
    shop.is_mended(&["check.down blue", "check.resolved blue"]).await;
}

/// It says nothing of those whom it could not hear: when it is back, at most that it was deaf.
#[tokio::test]
async fn a_watcher_that_is_cut_off_is_told_by_the_prober_and_blames_nobody() {
    let shop = Shop::start(1).await;
    shop.cut_off("watcher").await;
    shop.told(&["check.down watcher"], SILENT).await;
    shop.join_again("watcher", "watcher").await;
    shop.is_mended_but_for(&["check.down watcher", "check.resolved watcher"], "it was on no network").await;
}

/// It hears nobody meanwhile, and says nothing of anybody but itself: not when it is back either. Whether its own word comes before the
/// watcher hears it again is chance.
#[tokio::test]
async fn a_prober_that_is_cut_off_is_told_by_the_watcher_and_blames_nobody() {
    let shop = Shop::start(1).await;
    shop.cut_off("prober").await;
    let why = shop.told(&["check.down prober"], SILENT).await;
    assert!(why.contains("no beat since"), "{why}");
    shop.hears_nobody("prober").await;
    shop.join_again("prober", "prober").await;
    shop.is_mended_but_for(&["check.down prober", "check.resolved prober"], "it hears nobody").await;
}

#[tokio::test]
async fn an_engine_that_restarts_is_told_by_the_watcher_outside_and_everything_comes_back() {
    let shop = Shop::watched_from_outside().await;
    shop.stage.engine.stop().await;
    let why = shop.told(&["check.down prober"], SILENT).await;
    assert!(why.contains("no beat since"), "{why}");
    shop.stage.engine.go_on().await;
    shop.is_mended(&["check.down prober", "check.resolved prober"]).await;
}
