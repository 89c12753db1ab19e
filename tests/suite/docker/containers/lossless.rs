//! Under load: deploy the idle colour, gate, switch, retire what it replaces; and the live one, where that is asked for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::clock;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::system::System;
use crate::harness::{Demo, Raw};

const CLIENTS: usize = 16;
/// Between two requests of a client: together they leave the machine to other stories.
const PAUSE: Duration = Duration::from_millis(5);
const ROUNDS: usize = 20;

/// Keep-alive clients that ask for the colour and the version again and again.
struct Crowd {
    is_over: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    failed: Arc<Mutex<Vec<String>>>,
    tasks: JoinSet<()>,
}

impl Crowd {
    fn start(address: &str) -> Self {
        let (is_over, answers, failed) = (Arc::default(), Arc::default(), Arc::default());
        let mut crowd = Self { is_over, answers, failed, tasks: JoinSet::new() };
        for _ in 0..CLIENTS {
            let (address, is_over) = (address.to_owned(), Arc::clone(&crowd.is_over));
            let (answers, failed) = (Arc::clone(&crowd.answers), Arc::clone(&crowd.failed));
            crowd.tasks.spawn(async move {
                let note = |what: String| failed.lock().expect("nobody panics with it").push(what);
                while !is_over.load(Ordering::Relaxed) {
                    match Raw::connect(&address).await {
                        Ok(client) => keep_asking(client, &is_over, &answers, note).await,
                        Err(error) => note(format!("connect: {error}")),
                    }
                }
            });
        }
        crowd
    }

    async fn end(mut self) -> (u64, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a client that does not panic");
        }
        let failed = std::mem::take(&mut *self.failed.lock().expect("nobody panics with it"));
        (self.answers.load(Ordering::Relaxed), failed)
    }
}

/// Until it is over, or the connection: the proxy closes none by itself, so that counts as a failure too.
async fn keep_asking(mut client: Raw, is_over: &AtomicBool, answers: &AtomicU64, note: impl Fn(String)) {
    while !is_over.load(Ordering::Relaxed) {
        match timeout(Duration::from_secs(20), client.ask("GET", "/whoami", &[], b"")).await {
            Ok(Ok(answer)) if answer.status == 200 => {
                answers.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Ok(answer)) => note(format!("{} {}", answer.status, answer.text())),
            Ok(Err(error)) => return note(error.to_string()),
            Err(_) => return note("no answer in 20 s".to_owned()),
        }
        sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_deploys_with_their_switches_lose_no_request() {
    let system = System::start("").await;
    let images = [system.stage.demo(Demo::Bare("1")).await, system.stage.demo(Demo::Bare("2")).await];
    let crowd = Crowd::start(&system.public());
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
    let (answers, failed) = crowd.end().await;
    eprintln!(
        "{ROUNDS} rounds of deploy and switch in {took:.1?} under {CLIENTS} keep-alive clients: {answers} answers, {} failed",
        failed.len()
    );
    assert_eq!(failed, Vec::<String>::new());
    assert!(answers > 1_000, "{answers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_colour_is_replaced_without_an_unproven_instance_before_the_public() {
    let system = System::start("").await;
    let [good, bad] = [system.stage.demo(Demo::Bare("2")).await, system.stage.demo(Demo::Sick).await];
    let crowd = Crowd::start(&system.public());
    let before = system.containers().await;
    // Sick answers 404 to all that the crowd asks: one answer of its is a failure.
    let refused = system.allswell(&["deploy", "blue", "--image", &bad, "--yes"]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(system.containers().await, before);
    let deployed = system.allswell(&["deploy", "blue", "--image", &good, "--version", "2", "--yes"]).await;
    assert_eq!(deployed.code, 0, "{deployed:?}");
    assert_eq!(system.whoami().await, "blue 2");
    let (answers, failed) = crowd.end().await;
    eprintln!("the live colour, refused once and replaced once: {answers} answers, {} failed", failed.len());
    assert_eq!(failed, Vec::<String>::new());
}
