//! What our own proxy has counted, by its metrics.

use std::time::Duration;

use crate::domain::answers::Answers;
use crate::domain::colour::Colour;
use crate::net::client::http;

/// What a colour has answered since the proxy's start; none where its metrics cannot be read.
pub(super) async fn answers(metrics: &str, colour: Colour, limit: Duration) -> Option<Answers> {
    let answer = http(limit).ok()?.get(metrics).send().await.ok()?.error_for_status().ok()?;
    Some(parse(&answer.text().await.ok()?, colour))
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
