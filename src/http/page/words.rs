//! Small pieces that every part of the page uses.

use std::collections::BTreeSet;
use std::time::Duration;

use maud::{Markup, html};

use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::incident::{Incident, Severity};
use crate::domain::moment::{Moment, humane};
use crate::domain::role::Role;
use crate::monitor::overview::NAMES;
use crate::net::place::check_path;

/// The class that gives a status its colour and its shape.
pub(super) fn tone(status: Status) -> &'static str {
    match status {
        Status::Up => "good",
        Status::New | Status::Late | Status::Stopped | Status::Paused => "quiet",
        Status::Failing | Status::Poorly => "weak",
        Status::Down => "bad",
    }
}

/// The class that gives a severity its colour and its shape.
pub(super) fn severity_tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "bad",
        Severity::Warning => "weak",
        Severity::Info => "quiet",
    }
}

/// `4s ago`, with the moment itself for who hovers. A script keeps it true.
pub(super) fn ago(then: Moment, now: Moment) -> Markup {
    let passed = now.since(then);
    html! {
        time datetime=(then) title=(whole(then)) data-then="ago" { @if passed.as_millis() < 1_000 { "just now" } @else { (humane(passed)) " ago" } }
    }
}

/// `in 4s`, or `4s overdue`.
pub(super) fn due(then: Moment, now: Moment) -> Markup {
    html! {
        time datetime=(then) title=(whole(then)) data-then="due" {
            @if then >= now { "in " (lasting(then.since(now))) } @else { (lasting(now.since(then))) " overdue" }
        }
    }
}

/// `2026-11-25 22:07:53 UTC`.
pub(super) fn whole(then: Moment) -> String {
    then.to_utc().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The whole moment, as an element.
pub(super) fn at(then: Moment) -> Markup {
    html! { time datetime=(then) { (whole(then)) } }
}

/// How long, without milliseconds.
pub(super) fn lasting(duration: Duration) -> String {
    if duration.as_secs() == 0 { "under 1s".to_owned() } else { humane(duration) }
}

/// A colour is told by its word and its shape: blue is a disc, green is a square.
pub(super) fn colour(colour: Colour) -> Markup {
    html! { span.colour.(colour) { span.shape aria-hidden="true" {} (colour) } }
}

/// A status in a word with its shape.
pub(super) fn badge(tone: &str, words: &str) -> Markup {
    html! { span.badge.(tone) { (words) } }
}

/// How a check is, in a word with its shape.
pub(super) fn health(status: Status, words: &str) -> Markup {
    badge(tone(status), if status == Status::Late { "working, late" } else { words })
}

/// What an incident is of, by its name. Those among `checks` have a page, with the way to it.
pub(super) fn check_link(name: &str, checks: &BTreeSet<String>) -> Markup {
    html! { @if checks.contains(name) { a href=(check_path(name)) { (name) } } @else { (name) } }
}

/// `blue is not working`.
pub(super) fn incident_words(incident: &Incident) -> String {
    let is_many = Role::of(&incident.check) == Role::Group;
    let verb = match (incident.resolved_at.is_some(), is_many) {
        (true, true) => "were",
        (true, false) => "was",
        (false, true) => "are",
        (false, false) => "is",
    };
    let how = if incident.status == Status::Poorly { "doing poorly" } else { "not working" };
    format!("{} {verb} {how}", incident.subject())
}

/// `1 check`, `1,204 checks`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// With a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut out = digits.get(..first).unwrap_or_default().to_owned();
    for place in (first..digits.len()).step_by(3) {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(digits.get(place..place + 3).unwrap_or_default());
    }
    out
}

/// What stands where there is nothing, and what to do next.
pub(super) fn empty(words: &str, next: &Markup) -> Markup {
    html! { p.empty { (words) " " (next) } }
}

/// Several names, with the way to the page of each that is among `checks`; not all of many.
pub(super) fn names(all: &[String], checks: &BTreeSet<String>) -> Markup {
    html! {
        @for (place, name) in all.iter().take(NAMES).enumerate() { @if place > 0 { ", " } (check_link(name, checks)) }
        @if all.len() > NAMES { " and " (all.len() - NAMES) " more" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_a_page_where_it_has_one_and_is_text_where_it_has_none() {
        let checks = BTreeSet::from(["config-backup".to_owned(), "nightly backup".to_owned()]);
        for (name, shown) in [
            ("nightly backup", "<a href=\"/checks/nightly%20backup\">nightly backup</a>"),
            ("config-backup", "<a href=\"/checks/config-backup\">config-backup</a>"),
            ("config", "config"),
            ("config-two", "config-two"),
            ("certificate-two", "certificate-two"),
            ("signatures-two", "signatures-two"),
            ("channel-mail", "channel-mail"),
            ("group-1700000000000-blue", "group-1700000000000-blue"),
            ("removed", "removed"),
        ] {
            assert_eq!(check_link(name, &checks).into_string(), shown);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 123_456, 1_234_567].map(grouped), ["0", "999", "1,000", "123,456", "1,234,567"]);
    }
}
