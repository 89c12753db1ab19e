//! Visitors who come again whatever happens to their connection, and look at what they are shown.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::domain::colour::Colour;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::raw::Raw;
use super::wait::eventually;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two requests: thirty of them may come at once, and leave the machine to those whom they visit.
const PAUSE: Duration = Duration::from_millis(20);

/// Some of them, until they are told to end.
pub(crate) struct Visitors {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    answers: AtomicU64,
    sights: Mutex<Sights>,
}

/// What they were shown.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sights {
    /// Answers that are not the app's.
    pub(crate) error_pages: Vec<String>,
    /// Connections that could not be made, or that broke.
    pub(crate) broken: u64,
    last: String,
}

impl Visitors {
    /// So many come to `/` here.
    pub(crate) fn to(address: &str, number: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let mut tasks = JoinSet::new();
        for _ in 0..number {
            tasks.spawn(keep_coming(address.to_owned(), Arc::clone(&shared)));
        }
        Self { shared, tasks }
    }

    /// Waits until somebody is answered who comes from now on.
    pub(crate) async fn are_served_again(&self) {
        let before = self.answers();
        // One may have been on its way.
        let enough = before + self.tasks.len() as u64 + 1;
        eventually("visitors are served again", || async { (self.answers() >= enough).then_some(()) }).await;
    }

    /// Waits until it is this colour that answers.
    pub(crate) async fn are_served_by(&self, colour: Colour) {
        let is_shown = || async { (self.shared.sights.lock().expect("sights").last == colour.as_str()).then_some(()) };
        eventually("visitors are served by the live colour", is_shown).await;
    }

    /// How many answers there have been.
    pub(crate) fn answers(&self) -> u64 {
        self.shared.answers.load(Ordering::Relaxed)
    }

    /// What they were shown, all in all.
    pub(crate) async fn end(mut self) -> Sights {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a visitor who does not panic");
        }
        self.shared.sights.lock().expect("sights").clone()
    }
}

async fn keep_coming(address: String, shared: Arc<Shared>) {
    let mut client = None;
    while !shared.is_over.load(Ordering::Relaxed) {
        sleep(PAUSE).await;
        let mut open = match client.take() {
            Some(open) => open,
            None => match Raw::connect(&address).await {
                Ok(open) => open,
                Err(_) => {
                    shared.sights.lock().expect("sights").broken += 1;
                    continue;
                }
            },
        };
        let asked = timeout(PATIENCE, open.ask("GET", "/", &[], b"")).await;
        let mut sights = shared.sights.lock().expect("sights");
        match asked {
            Ok(Ok(answer)) => {
                shared.answers.fetch_add(1, Ordering::Relaxed);
                sights.last = answer.text();
                if answer.status != 200 {
                    sights.error_pages.push(format!("{} {}", answer.status, answer.text()));
                }
                client = Some(open);
            }
            Ok(Err(_)) => sights.broken += 1,
            Err(_) => sights.error_pages.push(format!("no answer in {PATIENCE:?}")),
        }
    }
}
