//! Our own all's well to an address that is not ours, and the site seen from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use rusqlite::Connection;
use tokio::net::TcpListener;

use super::stage::Stage;
use crate::harness::{Host, eventually};

type Count = Arc<AtomicUsize>;

/// Counts the requests at this address.
async fn counter(address: &str) -> Count {
    async fn count(State(count): State<Count>) -> &'static str {
        count.fetch_add(1, Ordering::Relaxed);
        "ok"
    }
    let counted = Count::default();
    let listener = TcpListener::bind(address).await.expect("a free port");
    let router = Router::new().route("/", get(count)).with_state(counted.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    counted
}

#[tokio::test]
async fn the_outside_address_hears_while_work_goes_on_and_nothing_while_the_store_is_locked() {
    let host = Host::new();
    let count = counter(&host.at(9001)).await;
    let outside = format!("outside = \"http://{}/\"\noutside_every = \"300ms\"", host.at(9001));
    let stage = Stage::on(host, &outside, "every = \"1h\"", "").await;
    eventually("the outside address hears", || async { (count.load(Ordering::Relaxed) > 1).then_some(()) }).await;

    let lock = Connection::open(stage.host.path("state/watcher.db")).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    eventually("/healthz says 503", || async { (stage.sender.get("/healthz").await?.0 == 503).then_some(()) }).await;
    let before = count.load(Ordering::Relaxed);
    stage.told("check.down watcher", Duration::from_secs(8)).await;
    assert_eq!(count.load(Ordering::Relaxed), before, "withheld, for over three seconds");

    lock.execute_batch("ROLLBACK").unwrap();
    eventually("the outside address hears again", || async { (count.load(Ordering::Relaxed) > before).then_some(()) }).await;
}

#[tokio::test]
async fn a_site_that_does_not_answer_is_told_and_written_down() {
    let host = Host::new();
    let site = format!("site = \"http://{}/\"", host.at(9002));
    let log = format!("[log]\ndirectory = \"{}\"\n", host.path("log").display());
    let probe = "every = \"500ms\"\nslow = \"300ms\"\ntimeout = \"400ms\"\nfall = 2\nrise = 1";
    let stage = Stage::on(host, &site, probe, &log).await;
    stage.told("check.down site", Duration::from_secs(8)).await;
    counter(&stage.host.at(9002)).await;
    stage.told("check.resolved site", Duration::from_secs(8)).await;
    let day = std::fs::read_dir(stage.host.path("log")).unwrap().next().unwrap().unwrap().path();
    let lines = std::fs::read_to_string(day).unwrap();
    assert!(lines.lines().next().unwrap().contains(" site not working - "), "{lines}");
    assert!(lines.lines().last().unwrap().contains(" site working 200 "), "{lines}");
}
