//! Checks, each in a row.

use maud::{Markup, html};

use super::advice::command;
use super::words::{ago, due, empty, health};
use crate::domain::check::Status;
use crate::domain::moment::Moment;
use crate::monitor::CheckPage;
use crate::monitor::glance::Search;
use crate::monitor::overview::CheckView;
use crate::net::place::{check_path, segment};

/// The statuses that somebody can ask for: those that are kept.
const STATUSES: [(Status, &str); 5] = [
    (Status::Down, "not working"),
    (Status::Poorly, "doing poorly"),
    (Status::Failing, "failing"),
    (Status::Up, "working"),
    (Status::New, "never heard"),
];

/// A row each.
pub(super) fn table(checks: &[CheckView], now: Moment) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Checks" { table {
            thead { tr { th scope="col" { "Check" } th scope="col" { "Health" } th scope="col" { "Last beat" } th scope="col" { "Next due" } th.number scope="col" { "Answered in" } } }
            tbody { @for check in checks { (row(check, now)) } }
        } }
    }
}

fn row(check: &CheckView, now: Moment) -> Markup {
    let is_due = !matches!(check.status, Status::Stopped | Status::Paused) && check.due.as_millis() < i64::MAX;
    html! {
        tr {
            th scope="row" { a href=(check_path(&check.name)) { (check.name) } }
            td { (health(check.status, &check.health)) @if let Some(reason) = &check.reason { div.reason { (reason) } } }
            td data-label="last beat" { @match check.last_heard { Some(heard) => (ago(heard, now)), None => "never" } }
            @if is_due { td data-label="due" { (due(check.due, now)) } } @else { td.blank { "–" } }
            @match check.latency_ms {
                Some(latency_ms) => { td.number data-label="answered in" { (latency_ms) " ms" } }
                None => { td.number.blank { "–" } }
            }
        }
    }
}

/// The page of checks, as somebody looks for them. `is_more`: there are more after the last.
#[must_use]
pub fn draw(found: &[CheckPage], wanted: &Search, is_more: bool, now: Moment) -> Markup {
    let views: Vec<CheckView> = found.iter().map(|page| page.view.clone()).collect();
    html! {
        h1 { "Checks" }
        form.search method="get" action="/checks" role="search" {
            label { "Name has " input type="search" name="q" value=(wanted.piece) autocomplete="off" spellcheck="false"; }
            label { "Health " select name="status" {
                option value="" { "any" }
                @for (status, words) in STATUSES { option value=(status.as_str()) selected[wanted.status == Some(status)] { (words) } }
            } }
            button type="submit" { "Show" }
            @if *wanted != Search::default() { a href="/checks" { "All" } }
        }
        section aria-label="Checks" {
            @if views.is_empty() && *wanted == Search::default() {
                (empty("Nothing is watched yet.", &html! { "Add a " code { "[[check]]" } " to the config, then " (command("allswell reload")) }))
            } @else if views.is_empty() {
                (empty("No check is like that.", &html! { a href="/checks" { "Show all" } }))
            } @else {
                (table(&views, now))
                @if let Some(last) = views.last().filter(|_| is_more) { p.more { a rel="next" href=(following(wanted, &last.name)) { "Next" } } }
            }
        }
    }
}

fn following(wanted: &Search, last: &str) -> String {
    let status = wanted.status.map_or("", Status::as_str);
    format!("/checks?q={}&status={status}&after={}", segment(&wanted.piece), segment(last))
}
