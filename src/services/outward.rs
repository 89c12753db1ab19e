//! Looks outward for the watcher: can the outside address or another watcher be reached? A look says nothing to them but that we are there.

use std::io;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::select_ok;
use reqwest::Url;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::monitor::Monitor;
use crate::net::names::connect;

/// Somebody who does not answer within this time is not reached.
const LIMIT: Duration = Duration::from_secs(2);
/// While nobody is reached, it is tried so often.
const EVERY: Duration = Duration::from_secs(1);

/// A loop that is not running yet.
#[derive(Debug)]
pub(super) struct OutwardLoop {
    monitor: Monitor,
    places: Vec<String>,
}

impl OutwardLoop {
    /// None where there is neither an outside address nor another watcher.
    pub(super) fn build(config: &Config, monitor: &Monitor) -> anyhow::Result<Option<Self>> {
        let outside = config.watcher.outside.as_ref().map(|secret| secret.reveal_if_set()).transpose().context("watcher.outside")?;
        let places: Vec<String> = outside.flatten().iter().chain(&config.watcher.peers).filter_map(|url| place(url)).collect();
        Ok((!places.is_empty()).then(|| Self { monitor: monitor.clone(), places }))
    }

    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let outward = self.monitor.outward();
        outward.watch();
        loop {
            tokio::select! {
                () = outward.asked() => {}
                () = sleep(EVERY), if outward.is_broken() => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            let looks = self.places.iter().map(|place| Box::pin(timeout(LIMIT, reach(place))));
            let is_reached = select_ok(looks.map(|look| Box::pin(async { look.await? }))).await.is_ok();
            outward.looked(is_reached, self.monitor.now());
        }
    }
}

/// `HOST:PORT`; none where the URL has no host.
fn place(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// Whoever refuses is there.
async fn reach(place: &str) -> io::Result<()> {
    match connect(place).await {
        Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_accepts_or_refuses_is_reached_and_a_name_that_is_not_known_is_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ping/x", listener.local_addr().unwrap());
        let open = place(&url).unwrap();
        assert!(reach(&open).await.is_ok());
        drop(listener);
        assert!(reach(&open).await.is_ok(), "it refuses");
        assert!(reach("nowhere.invalid:80").await.is_err());
        assert_eq!(place("https://hc.example/x").as_deref(), Some("hc.example:443"));
        assert_eq!(place("https://[::1]/x").as_deref(), Some("[::1]:443"));
    }
}
