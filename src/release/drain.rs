//! The time in which a colour that is no longer live finishes what it has.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::cluster::Cluster;
use crate::domain::colour::Colour;

/// How often it is looked at.
const PACE: Duration = Duration::from_millis(100);

/// Waits for the old colour's requests and streams, cuts nothing, and says what is left.
pub(super) async fn drain(cluster: &Cluster, old: Colour) -> Option<String> {
    let (mut left, mut most, mut now) = ("the proxy does not say what is left".to_owned(), 0, 0);
    let emptying = async {
        loop {
            if let Ok(load) = cluster.proxy.load(old).await {
                now = load.in_flight + load.streams;
                most = most.max(now);
                if now == 0 {
                    return;
                }
                left = cluster.proxy.left(load, old);
            }
            sleep(PACE).await;
        }
    };
    let emptied = timeout(cluster.settings.drain, emptying).await.is_ok();
    let finished = (most > now).then(|| format!("{} of {most} have finished", most - now));
    let words: Vec<String> = (!emptied).then_some(left).into_iter().chain(finished).collect();
    (!words.is_empty()).then(|| words.join("; "))
}
