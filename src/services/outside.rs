//! Sends the watcher's own all's well to the outside address.

use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::config::Config;
use crate::monitor::{Monitor, Outside};
use crate::net::client;

/// One request may take so long.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A loop that is not running yet.
#[derive(Debug)]
pub(super) struct OutsideLoop {
    monitor: Monitor,
    client: reqwest::Client,
    url: String,
    every: Duration,
}

impl OutsideLoop {
    /// None where no outside address is set.
    pub(super) fn build(config: &Config, monitor: &Monitor) -> anyhow::Result<Option<Self>> {
        let Some(secret) = &config.watcher.outside else { return Ok(None) };
        let Some(url) = secret.reveal_if_set().context("watcher.outside")? else { return Ok(None) };
        let client = client::http(TIMEOUT)?;
        Ok(Some(Self { monitor: monitor.clone(), client, url, every: config.watcher.outside_every }))
    }

    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut outside = Outside::new(self.monitor.now());
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is now, and nothing has advanced yet.
        ticks.reset();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            match outside.withheld(&self.monitor, self.monitor.now()).await {
                Some(why) => tracing::warn!("the outside address is not told that all's well: {why}"),
                None => self.tell().await,
            }
        }
    }

    async fn tell(&self) {
        let sent = self.client.get(&self.url).send().await.and_then(reqwest::Response::error_for_status);
        if let Err(error) = sent {
            tracing::warn!("the outside address does not answer: {}", client::explain(error));
        }
    }
}
