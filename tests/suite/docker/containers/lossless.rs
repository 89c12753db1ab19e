//! Under load: deploy the idle colour, gate, switch, retire what it replaces; and the live one, where that is asked for.

use allswell::clock;

use super::system::System;
use crate::harness::{Demo, Visitors};

const VISITORS: usize = 16;
const ROUNDS: usize = 20;

/// Every connection lasts, and every answer is the app's. Says how many there were.
async fn lost_nothing(visitors: Visitors) -> u64 {
    let answers = visitors.answers();
    let sights = visitors.end().await;
    assert_eq!((sights.error_pages, sights.broken), (Vec::new(), 0));
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_deploys_with_their_switches_lose_no_request() {
    let system = System::start("").await;
    let images = [system.stage.demo(Demo::Bare("1")).await, system.stage.demo(Demo::Bare("2")).await];
    let visitors = Visitors::to(&system.public(), VISITORS);
    let began = clock::elapsed();
    for round in 0..ROUNDS {
        let version = format!("r{round}");
        let before = system.whoami().await;
        let deployed = system.allswell(&["deploy", "--image", &images[round % 2], "--version", &version, "--switch", "--yes"]).await;
        assert_eq!(deployed.code, 0, "round {round}: {deployed:?}");
        let colour = if before.starts_with("blue") { "green" } else { "blue" };
        assert_eq!(system.whoami().await, format!("{colour} {version}"), "round {round}");
        // What was replaced is gone, and nothing else came.
        assert_eq!(system.containers().await.len(), 2, "round {round}");
    }
    let took = clock::elapsed() - began;
    let answers = lost_nothing(visitors).await;
    eprintln!("{ROUNDS} rounds of deploy and switch in {took:.1?} under {VISITORS} keep-alive clients: {answers} answers, 0 failed");
    assert!(answers > 1_000, "{answers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_colour_is_replaced_without_an_unproven_instance_before_the_public() {
    let system = System::start("").await;
    let [good, bad] = [system.stage.demo(Demo::Bare("2")).await, system.stage.demo(Demo::Sick).await];
    let visitors = Visitors::to(&system.public(), VISITORS);
    let before = system.containers().await;
    // Sick answers 404 to all that visitors ask: one answer of its is a failure.
    let refused = system.allswell(&["deploy", "blue", "--image", &bad, "--yes"]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(system.containers().await, before);
    let deployed = system.allswell(&["deploy", "blue", "--image", &good, "--version", "2", "--yes"]).await;
    assert_eq!(deployed.code, 0, "{deployed:?}");
    assert_eq!(system.whoami().await, "blue 2");
    let answers = lost_nothing(visitors).await;
    eprintln!("the live colour, refused once and replaced once: {answers} answers, 0 failed");
}
