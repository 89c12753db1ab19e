//! Whether the app can serve: one request to its health URL.

use std::time::Duration;

use reqwest::header::CONNECTION;
use reqwest::{Client, Url};

use super::settings::url;
use crate::clock;
use crate::domain::beat::{Health, Showing};
use crate::net::client::{ClientError, explain, http, to_our_own};

/// Asks once, over a connection of its own: one that is kept open would not show that new ones are refused.
pub(super) async fn examine(client: Client, url: Url, limit: Duration) -> Health {
    let begun = clock::elapsed();
    let answer = client.get(url).header(CONNECTION, "close").timeout(limit).send().await;
    let latency_ms = u64::try_from(clock::elapsed().saturating_sub(begun).as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(answer) if answer.status().is_success() => Health::good(latency_ms),
        Ok(answer) => {
            let bad = Health::not_good(Showing::Bad, format!("answered {}", answer.status().as_u16()));
            Health { latency_ms: Some(latency_ms), ..bad }
        }
        Err(error) => Health::not_good(Showing::Bad, explain(error)),
    }
}

/// Asks a health URL once, for a container's health check.
///
/// # Errors
/// Why it is not healthy, in one line.
pub async fn probe(target: &str, limit: Duration) -> Result<Duration, String> {
    ask(http(limit), target, limit).await
}

/// Asks the health URL of a part of ours once, by whatever certificate it shows.
///
/// # Errors
/// As [`probe`].
pub async fn probe_our_own(target: &str, limit: Duration) -> Result<Duration, String> {
    ask(to_our_own(limit), target, limit).await
}

async fn ask(client: Result<Client, ClientError>, target: &str, limit: Duration) -> Result<Duration, String> {
    let url = url(target)?;
    let client = client.map_err(|error| error.to_string())?;
    let health = examine(client, url, limit).await;
    match health.showing {
        Showing::Good | Showing::Slow => Ok(Duration::from_millis(health.latency_ms.unwrap_or(0))),
        Showing::Bad | Showing::Exited => Err(health.reason.unwrap_or_else(|| "not healthy".to_owned())),
    }
}
