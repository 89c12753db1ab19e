//! Every check with its last beat.

use maud::{Markup, html};

use super::words::{ago, badge, due, tone};
use crate::domain::check::Status;
use crate::monitor::overview::{CheckView, Overview};

/// A row each.
pub(super) fn table(overview: &Overview) -> Markup {
    html! {
        section {
            h2 { "Checks" }
            div.scroll { table {
                thead { tr { th { "check" } th { "health" } th { "last beat" } th { "next due" } th { "answered in" } } }
                tbody { @for check in &overview.checks { (row(check, overview)) } }
            } }
        }
    }
}

fn row(check: &CheckView, overview: &Overview) -> Markup {
    let now = overview.now;
    let words = if check.status == Status::Late { "working, late" } else { &check.health };
    html! {
        tr {
            th scope="row" { (check.name) }
            td { (badge(tone(check.status), words)) @if let Some(reason) = &check.reason { div.reason { (reason) } } }
            td data-label="last beat" { @match check.last_heard { Some(heard) => (ago(heard, now)), None => "never" } }
            td data-label="due" { @if matches!(check.status, Status::Stopped | Status::Paused) { "–" } @else { (due(check.due, now)) } }
            @match check.latency_ms {
                Some(latency_ms) => { td data-label="answered in" { (latency_ms) " ms" } }
                None => { td.blank { "–" } }
            }
        }
    }
}
