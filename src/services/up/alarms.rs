//! Beats every watcher, each by itself: one that is slow or dead delays no other.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::event::Events;
use super::news::Pass;
use super::teller::Teller;
use crate::net::client;
use crate::signing::Key;

/// How long a watcher may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// How long the last beat may take: nobody waits for a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Beats every watcher.
#[derive(Debug)]
pub(super) struct Alarms {
    tellers: Vec<UnboundedSender<Pass>>,
    tasks: JoinSet<()>,
}

impl Alarms {
    /// Starts to beat these watchers.
    pub(super) fn start(watchers: &[String], key: &Key, every: Duration, events: &Events) -> Result<Self, client::ClientError> {
        let client = client::http(LIMIT)?;
        let (mut tellers, mut tasks) = (Vec::new(), JoinSet::new());
        for watcher in watchers {
            let (sender, receiver) = unbounded_channel();
            tasks.spawn(Teller::new(watcher, client.clone(), key.clone(), every, events.clone()).run(receiver));
            tellers.push(sender);
        }
        Ok(Self { tellers, tasks })
    }

    /// A pass was made: every watcher hears of it.
    pub(super) fn pass(&self, pass: &Pass) {
        for teller in &self.tellers {
            // A teller ends with us, and not before.
            let _ = teller.send(pass.clone());
        }
    }

    /// Says goodbye.
    pub(super) async fn end(&mut self, pass: Pass) {
        self.pass(&Pass { bye: true, ..pass });
        self.tellers.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Whoever has not heard it finds the silence without its reason.
        let _ = tokio::time::timeout(GOODBYE, all).await;
    }
}
