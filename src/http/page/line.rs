//! How long answers took, as a line.

use std::fmt::Write;

use maud::{Markup, html};

use super::words::lasting;
use crate::domain::moment::Moment;
use crate::monitor::stories::Latency;
use crate::store::latency::Span;

const WIDTH: u64 = 720;
const HEIGHT: u64 = 140;
/// Above the line, for the label of the highest value.
const ABOVE: u64 = 14;

/// The line of the slowest answers, with a band down to the fastest; marks at the foot where something failed.
pub(super) fn line(latency: &Latency, now: Moment) -> Option<Markup> {
    let answered: Vec<(u64, u64, u64)> =
        latency.spans.iter().filter_map(|span| Some((place(latency, span, now), span.least_ms?, span.most_ms?))).collect();
    let (_, _, last) = *answered.last()?;
    let least = answered.iter().map(|(_, least, _)| *least).min()?;
    let most = answered.iter().map(|(_, _, most)| *most).max()?;
    let top = round_up(most);
    let over = lasting(now.since(latency.from));
    let label = format!("Answers of the last {over}: the fastest took {least} ms, the slowest {most} ms, the last {last} ms");
    let y = |value: u64| ABOVE + (HEIGHT - ABOVE) - (HEIGHT - ABOVE) * value / top;
    Some(html! {
        figure.latency {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + 6) } role="img" aria-label=(label) {
                @for part in [1, 2] {
                    line.grid x1="0" x2=(WIDTH) y1=(y(top * part / 2)) y2=(y(top * part / 2)) {}
                    text x="0" y=(y(top * part / 2) - 3) { (top * part / 2) " ms" }
                }
                line.foot x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                @for run in runs(&answered) {
                    path.band d=(band(run, y)) {}
                    path.line d=(path(run.iter().map(|(x, _, most)| (*x, y(*most))))) {}
                }
                @for span in latency.spans.iter().filter(|span| span.failed > 0) {
                    rect.failed x=(place(latency, span, now).saturating_sub(2)) y=(HEIGHT - 5) width="4" height="10" { title { (span.failed) " failed" } }
                }
            }
            figcaption {
                span { (over) " ago" } span { "slowest and fastest answer of each " (lasting(latency.step)) "; a mark at the foot: failed" } span { "now" }
            }
        }
    })
}

fn place(latency: &Latency, span: &Span, now: Moment) -> u64 {
    let whole = now.since(latency.from).as_millis().max(1);
    let x = (span.at + latency.step / 2).since(latency.from).as_millis() * u128::from(WIDTH) / whole;
    u64::try_from(x).unwrap_or(WIDTH).min(WIDTH)
}

/// Pieces without a gap between: where nothing was heard for three times as long as usual there is no line.
fn runs(points: &[(u64, u64, u64)]) -> impl Iterator<Item = &[(u64, u64, u64)]> {
    let mut apart: Vec<u64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    apart.sort_unstable();
    let usual = apart.get(apart.len().saturating_sub(1) / 2).copied().unwrap_or(0).max(WIDTH / 120);
    points.chunk_by(move |one, next| next.0 - one.0 <= 3 * usual)
}

fn path(points: impl Iterator<Item = (u64, u64)>) -> String {
    points.enumerate().fold(String::new(), |mut path, (place, (x, y))| {
        // Writing to a text cannot fail.
        let _ = write!(path, "{}{x} {y}", if place == 0 { "M" } else { "L" });
        path
    })
}

fn band(run: &[(u64, u64, u64)], y: impl Fn(u64) -> u64) -> String {
    let there = run.iter().map(|(x, _, most)| (*x, y(*most)));
    let back = run.iter().rev().map(|(x, least, _)| (*x, y(*least)));
    format!("{}Z", path(there.chain(back)))
}

/// A round number that is at least this one: 1, 2 or 5 and noughts.
fn round_up(value: u64) -> u64 {
    let mut step: u64 = 10;
    loop {
        for factor in [1, 2, 5] {
            if value <= step * factor {
                return step * factor;
            }
        }
        step = step.saturating_mul(10);
        if step > u64::MAX / 10 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_line_has_a_gap_where_nothing_was_heard_and_a_mark_where_something_failed() {
        let at = Moment::from_millis;
        let span = |minute: i64, failed: u64| Span { at: at(minute * 60_000), least_ms: Some(2), most_ms: Some(40), failed };
        let latency = Latency { from: at(0), step: Duration::from_secs(60), spans: vec![span(0, 0), span(1, 0), span(60, 1)] };
        let drawn = line(&latency, at(120 * 60_000)).unwrap().into_string();
        assert_eq!(drawn.matches("class=\"line\"").count(), 2, "{drawn}");
        assert_eq!(drawn.matches("class=\"failed\"").count(), 1);
        assert!(drawn.contains("the fastest took 2 ms, the slowest 40 ms, the last 40 ms"), "{drawn}");
        let hourly = Latency { spans: (0..6).map(|number| span(number * 20, 0)).collect(), ..latency.clone() };
        let drawn = line(&hourly, at(120 * 60_000)).unwrap().into_string();
        assert_eq!(drawn.matches("class=\"line\"").count(), 1, "what is heard rarely has a line as well: {drawn}");
        assert!(line(&Latency { spans: Vec::new(), ..latency }, at(1)).is_none());
    }

    #[test]
    fn the_scale_ends_at_a_round_number() {
        assert_eq!([0, 10, 11, 49, 51, 1_200].map(round_up), [10, 10, 20, 50, 100, 2_000]);
    }
}
