//! What is wrong now, and what was.

use maud::{Markup, html};

use super::words::{ago, badge};
use crate::domain::check::Status;
use crate::domain::incident::Severity;
use crate::domain::moment::{Moment, humane};
use crate::domain::role::Role;
use crate::monitor::overview::{IncidentView, Overview};

/// Open incidents, gravest first, each with what it explains.
pub(super) fn open(overview: &Overview) -> Markup {
    let mut incidents: Vec<&IncidentView> = overview.incidents.iter().collect();
    incidents.sort_by_key(|view| std::cmp::Reverse(view.incident.severity));
    html! {
        section {
            h2 { "Open incidents" }
            @if incidents.is_empty() { p.none { "None." } }
            @for view in incidents { (one(view, overview.now)) }
        }
    }
}

fn one(view: &IncidentView, now: Moment) -> Markup {
    let incident = &view.incident;
    let is_group = Role::of(&incident.check) == Role::Group;
    let is = if is_group { "are" } else { "is" };
    let words = format!("{is} {}", if incident.status == Status::Poorly { "doing poorly" } else { "not working" });
    html! {
        article.incident.(incident.severity) {
            h3 { (incident.subject()) " " (words) (badge(severity_tone(incident.severity), incident.severity.as_str())) }
            p {
                (incident.reason) span.aside { " since " (ago(incident.since, now)) }
                @if incident.flips > 1 { span.aside { ", flipped " (incident.flips) " times" } }
                @if let Some(said) = &view.acknowledged { span.aside { ", " (said) " " (ago(said.at, now)) } }
                @if let Some(why) = &view.hushed { span.aside { ", not told: " (why) } }
                @if view.is_held { span.aside { ", not told yet: looking for a cause" } }
            }
            @if !view.also.is_empty() { p.also { @if is_group { "now: " } @else { "explains: " } (view.also.join(", ")) } }
        }
    }
}

/// The last ones that are over.
pub(super) fn resolved(overview: &Overview) -> Markup {
    html! {
        @if !overview.resolved.is_empty() {
            section {
                h2 { "Resolved" }
                div.scroll { table {
                    thead { tr { th { "check" } th { "lasted" } th { "over" } th { "why" } } }
                    tbody { @for view in &overview.resolved { @if let Some(end) = view.incident.resolved_at { tr {
                        th scope="row" { (view.incident.subject()) }
                        td data-label="lasted" { (humane(end.since(view.incident.since))) }
                        td data-label="over" { (ago(end, overview.now)) }
                        td.long { (view.incident.reason) @if let Some(said) = &view.acknowledged { div.aside { (said) } } }
                    } } } }
                } }
            }
        }
    }
}

fn severity_tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "bad",
        Severity::Warning => "weak",
        Severity::Info => "quiet",
    }
}
