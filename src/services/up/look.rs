//! Looks from the user's side: does what people look at answer, and are both colours working?

use std::time::Duration;

use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::event::{Event, Events};
use crate::config::Config;
use crate::domain::colour::Colour;
use crate::net::client;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);
/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(1);
/// After this, what does not answer is named.
const PATIENCE: Duration = Duration::from_secs(10);

/// An address that can be dialled: any address means this host.
#[must_use]
pub fn dialable(listen: &str) -> String {
    match listen.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("[::1]:{port}"),
        Some(_) | None => listen.to_owned(),
    }
}

async fn accepts(address: &str) -> bool {
    matches!(timeout(LIMIT, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Until all accept connections.
pub(super) async fn all_accept(addresses: &[String]) {
    for address in addresses {
        while !accepts(address).await {
            sleep(EVERY).await;
        }
    }
}

/// What others look at, so that it should be there before they do.
pub(super) fn looked_at(config: &Config) -> Vec<String> {
    let apps = Colour::BOTH.into_iter().flat_map(|colour| config.app.colour(colour).addresses.iter().cloned());
    apps.chain(listeners(config)).collect()
}

fn listeners(config: &Config) -> Vec<String> {
    [&config.proxy.live, &config.proxy.idle, &config.watcher.listen].map(|listen| dialable(listen)).to_vec()
}

/// Says when the listeners answer, and when the watcher's page says that both colours are working.
pub(super) async fn look(config: Config, events: Events) {
    let listeners = listeners(&config);
    if timeout(PATIENCE, all_accept(&listeners)).await.is_err() {
        let mut silent = Vec::new();
        for address in &listeners {
            if !accepts(address).await {
                silent.push(address.clone());
            }
        }
        events.say(Event::NotAnswering(silent));
        all_accept(&listeners).await;
    }
    events.say(Event::Answering);
    let Ok(client) = client::http(LIMIT) else { return };
    let overview = format!("http://{}/v1/overview", dialable(&config.watcher.listen));
    while !both_work(&client, &overview).await {
        sleep(EVERY).await;
    }
    events.say(Event::Working);
}

/// As much of the watcher's overview as is needed here.
#[derive(Debug, Deserialize)]
struct Overview {
    checks: Vec<Seen>,
}

#[derive(Debug, Deserialize)]
struct Seen {
    name: String,
    status: String,
}

async fn both_work(client: &reqwest::Client, overview: &str) -> bool {
    let Ok(answer) = client.get(overview).send().await else { return false };
    let Ok(overview) = answer.json::<Overview>().await else { return false };
    let works = |colour: Colour| {
        let of_colour = |check: &&Seen| check.name == colour.as_str();
        overview.checks.iter().find(of_colour).is_some_and(|check| matches!(check.status.as_str(), "up" | "late"))
    };
    Colour::BOTH.into_iter().all(works)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_is_this_host() {
        assert_eq!(dialable("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(dialable("[::]:8000"), "[::1]:8000");
        assert_eq!(dialable("127.0.0.2:8000"), "127.0.0.2:8000");
    }
}
