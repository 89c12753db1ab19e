//! Faults of containers, networks and the engine: each is told by its name within its bound, is resolved when it is mended, and nothing
//! besides is told.

mod shop;

use shop::{SAID, SILENT, Shop};

#[tokio::test]
async fn one_replica_of_three_that_is_killed_is_told_by_name_and_resolved_when_the_number_is_back() {
    let shop = Shop::start(3).await;
    let name = shop.name("blue", 2);
    shop.docker(&["kill", &name]).await;
    let why = shop.told(&["check.poorly instances-blue"], SAID).await;
    assert!(why.contains("2 of 3 instances are well") && why.contains(&name) && why.contains("137"), "{why}");
    shop.docker(&["start", &name]).await;
    shop.is_mended(&["check.poorly instances-blue", "check.resolved instances-blue"]).await;
}

#[tokio::test]
async fn a_live_container_that_is_killed_stopped_or_paused_by_hand_is_one_incident_each() {
    let shop = Shop::start(1).await;
    let name = shop.name("blue", 1);
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
async fn a_colour_a_prober_or_a_watcher_that_is_cut_off_is_one_incident_each() {
    let shop = Shop::start(1).await;
    let network = shop.stage.name.clone();
    let mut told = Vec::new();
    for (part, alias, check) in [("blue-1", "blue", "blue"), ("prober", "prober", "prober"), ("watcher", "watcher", "watcher")] {
        let container = shop.stage.name_of(part);
        shop.docker(&["network", "disconnect", &network, &container]).await;
        let down = format!("check.down {check}");
        told.push(down);
        shop.told(&told.iter().map(String::as_str).collect::<Vec<_>>(), SILENT).await;
        shop.docker(&["network", "connect", "--alias", alias, &network, &container]).await;
        told.push(format!("check.resolved {check}"));
        shop.is_mended(&told.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}
