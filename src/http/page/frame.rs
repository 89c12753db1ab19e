//! The page as a whole.

use maud::{DOCTYPE, Markup, html};

use super::{checks, colours, incidents, notices};
use crate::domain::incident::Severity;
use crate::monitor::overview::Overview;

/// The page's style sheet.
pub const STYLE: &str = include_str!("style.css");

/// Draws the page. `trouble`: what does not work with the watcher itself.
#[must_use]
pub fn draw(overview: &Overview, trouble: Option<&str>) -> Markup {
    let (word, tone) = verdict(overview, trouble);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content="2";
                title { (overview.app) ": " (word) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header.top.(tone) { h1 { (overview.app) } p.verdict { (word) } (colours::live(overview)) }
                main {
                    @if let Some(trouble) = trouble { p.trouble role="alert" { "This watcher does not work: " (trouble) } }
                    (colours::cards(overview))
                    (incidents::open(overview))
                    (notices::quiet(overview))
                    (checks::table(overview))
                    (notices::newest(overview))
                    (incidents::resolved(overview))
                    (notices::gaps(overview))
                }
                footer { "allswell " (env!("CARGO_PKG_VERSION")) ", drawn at " time { (overview.now) } }
            }
        }
    }
}

fn verdict(overview: &Overview, trouble: Option<&str>) -> (String, &'static str) {
    let worst = overview.incidents.iter().map(|view| view.incident.severity).max();
    let count = overview.incidents.len();
    let incidents = if count == 1 { "1 open incident".to_owned() } else { format!("{count} open incidents") };
    match worst {
        _ if trouble.is_some() => ("this watcher does not work".to_owned(), "bad"),
        Some(Severity::Critical) => (incidents, "bad"),
        Some(Severity::Warning | Severity::Info) => (incidents, "weak"),
        None if overview.live.colour.is_none() => ("live colour undefined".to_owned(), "weak"),
        None => ("all's well".to_owned(), "good"),
    }
}
