//! Looks from the user's side: does what people look at answer, and are both colours working?

use std::time::Duration;

use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::event::{Event, Events};
use crate::clock;
use crate::config::Config;
use crate::domain::colour::Colour;
use crate::net::listen::beside;
use crate::net::{client, question};
use crate::signing::Key;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);
/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(1);
/// After this, what does not answer is named.
const PATIENCE: Duration = Duration::from_secs(10);

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
    [&config.proxy.live, &config.proxy.idle, &config.watcher.listen].map(|listen| beside(listen)).to_vec()
}

/// Says when the listeners answer, and when the watcher's page says that both colours are working.
pub(super) async fn look(config: Config, key: Key, events: Events) {
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
    let Ok(client) = client::to_our_own(LIMIT) else { return };
    let watcher = format!("{}://{}", config.watcher.scheme(), beside(&config.watcher.listen));
    let began = clock::elapsed();
    let mut is_told = false;
    loop {
        match not_working(question::overview(&client, &watcher, Some(&key))).await {
            Some(bad) if bad.is_empty() => break,
            Some(bad) if !is_told && clock::elapsed().saturating_sub(began) > PATIENCE => {
                is_told = true;
                events.say(Event::NotWorking(bad));
            }
            Some(_) | None => {}
        }
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
    reason: Option<String>,
}

/// The colours that do not work, each with the reason; none where the watcher does not say.
async fn not_working(question: reqwest::RequestBuilder) -> Option<Vec<(Colour, String)>> {
    let overview: Overview = question.send().await.ok()?.json().await.ok()?;
    let bad = |colour: &Colour| {
        let check = overview.checks.iter().find(|check| check.name == colour.as_str());
        let works = check.is_some_and(|check| matches!(check.status.as_str(), "up" | "late"));
        let reason = check.and_then(|check| check.reason.clone()).filter(|reason| !reason.is_empty());
        (!works).then(|| (*colour, reason.unwrap_or_else(|| "the prober has not seen it passing yet".to_owned())))
    };
    Some(Colour::BOTH.iter().filter_map(bad).collect())
}
