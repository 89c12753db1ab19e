//! What our own proxy has counted, by its metrics.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::domain::answers::{Answers, BothAnswers};
use crate::domain::colour::Colour;
use crate::net::client::plain;

/// Where it says so, and who asks.
#[derive(Debug, Clone)]
pub struct Metrics {
    url: String,
    limit: Duration,
    client: Arc<OnceLock<reqwest::Client>>,
}

impl Metrics {
    /// At this URL; asking gives up after `limit`.
    pub(super) fn new(url: String, limit: Duration) -> Self {
        Self { url, limit, client: Arc::default() }
    }

    /// What the colours have answered since the proxy's start; none where its metrics cannot be read.
    pub(super) async fn answers(&self) -> Option<BothAnswers> {
        let client = match self.client.get() {
            Some(client) => client,
            None => {
                let made = plain(self.limit).ok()?;
                self.client.get_or_init(|| made)
            }
        };
        let answer = client.get(&self.url).send().await.ok()?.error_for_status().ok()?;
        let text = answer.text().await.ok()?;
        Some(BothAnswers { blue: parse(&text, Colour::Blue), green: parse(&text, Colour::Green) })
    }
}

/// `allswell_proxy_requests_total{colour="green",status="5xx"} 12`
fn parse(text: &str, colour: Colour) -> Answers {
    let mut answers = Answers::default();
    let own = format!("colour=\"{colour}\"");
    for line in text.lines().filter_map(|line| line.strip_prefix("allswell_proxy_requests_total{")) {
        let Some((labels, count)) = line.rsplit_once("} ").filter(|(labels, _)| labels.contains(&own)) else { continue };
        let count = count.trim().parse().unwrap_or(0);
        answers.total += count;
        answers.failed += if labels.contains("status=\"5xx\"") { count } else { 0 };
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colours_answers_are_added_up() {
        let line = |colour: &str, class: &str, count: u64| {
            format!("allswell_proxy_requests_total{{colour=\"{colour}\",status=\"{class}\"}} {count}\n")
        };
        let text = [line("green", "2xx", 7), line("green", "5xx", 3), line("blue", "5xx", 9), "allswell_other 1\n".to_owned()].concat();
        assert_eq!(parse(&text, Colour::Green), Answers { total: 10, failed: 3 });
    }
}
