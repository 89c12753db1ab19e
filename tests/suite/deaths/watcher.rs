//! The watcher: killed, stopped, its store locked. Told by the prober, and by the beat that no longer goes outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use allswell::clock;
use axum::Router;
use axum::routing::get;
use rusqlite::Connection;
use rustix::process::Signal;
use tokio::net::TcpListener;

use super::{BOUND, system};
use crate::harness::system::status;
use crate::harness::{Manner, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_watcher_stopped_or_killed_is_told_by_the_prober() {
    let (system, sinks, traffic) = system("").await;
    system.signal("watcher", Signal::STOP).await;
    sinks.alarmed(BOUND, &["watcher"]).await;
    system.signal("watcher", Signal::CONT).await;
    sinks.told(BOUND, &["check.resolved"], &["watcher"]).await;
    assert_eq!(sinks.incidents().len(), 1, "one fault, one incident: {:?}", sinks.hook.told());
    system.signal("watcher", Signal::KILL).await;
    let told = sinks.told(BOUND, &["check.down", "check.resolved"], &["up"]).await;
    assert!(told.body.to_string().contains("watcher"), "{}", told.body);
    system.until("it watches again", |overview| status(overview, "up") == "up").await;
    traffic.all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_watcher_whose_store_is_locked_is_told_and_what_fails_meanwhile_is_told_too() {
    let (system, sinks, traffic) = system("").await;
    let outside = Connection::open(system.state().join("watcher.db")).expect("the store is a file");
    outside.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    sinks.alarmed(BOUND, &["watcher"]).await;
    let healthz = format!("http://{}/healthz", system.host.at(7700));
    let status_code = crate::harness::system::reqwest_client().get(healthz).send().await.expect("it answers").status();
    assert_eq!(status_code, 503);
    // The prober tells what the watcher cannot.
    system.signal("green-1", Signal::STOP).await;
    sinks.alarmed(BOUND + Duration::from_secs(1), &["green"]).await;
    system.signal("green-1", Signal::CONT).await;
    outside.execute_batch("ROLLBACK").expect("the lock is given back");
    sinks.told(BOUND, &["check.resolved"], &["watcher"]).await;
    sinks.told(BOUND, &["check.resolved"], &["green"]).await;
    traffic.all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_outside_address_hears_all_is_well_until_the_watcher_dies() {
    let beats = Arc::new(AtomicU32::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let outside = listener.local_addr().expect("an address");
    let counted = Arc::clone(&beats);
    let router = Router::new().route("/beat", get(move || async move { counted.fetch_add(1, Ordering::Relaxed).to_string() }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (system, ..) = system(&format!("outside = \"http://{outside}/beat\"\noutside_every = \"500ms\"\n")).await;
    let hears = |limit: u64, what: &'static str| {
        let (beats, before) = (Arc::clone(&beats), beats.load(Ordering::Relaxed));
        within(Duration::from_secs(limit), what, move || {
            let now = beats.load(Ordering::Relaxed);
            async move { (now > before + 1).then_some(()) }
        })
    };
    hears(10, "the outside address hears the watcher").await;
    system.signal("watcher", Signal::STOP).await;
    // What was on its way may still arrive; then it is silent for as long as four beats take.
    let mut last = (beats.load(Ordering::Relaxed), clock::elapsed());
    within(Duration::from_secs(10), "the outside address hears nothing for two seconds", || {
        let (heard, now) = (beats.load(Ordering::Relaxed), clock::elapsed());
        if heard != last.0 {
            last = (heard, now);
        }
        let is_silent = now.saturating_sub(last.1) >= Duration::from_secs(2);
        async move { is_silent.then_some(()) }
    })
    .await;
    system.signal("watcher", Signal::CONT).await;
    hears(10, "the outside address hears the watcher again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_channel_that_takes_nothing_is_told_by_the_others() {
    let (system, sinks, _) = system("").await;
    sinks.slack.set(Manner::Refuse(404));
    system.signal("green-1", Signal::STOP).await;
    within(BOUND * 2, "the dead channel is told by the webhook", || async {
        (!sinks.about(&["channel.dead", "check.down"], &["channel-slack"]).is_empty()).then_some(())
    })
    .await;
    system.signal("green-1", Signal::CONT).await;
    sinks.slack.set(Manner::Usual);
    within(BOUND * 6, "it takes notices again", || async {
        (!sinks.about(&["check.resolved"], &["channel-slack"]).is_empty()).then_some(())
    })
    .await;
}
