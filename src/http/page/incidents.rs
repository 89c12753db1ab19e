//! What is wrong now, and what was.

use maud::{Markup, html};

use super::advice::{argument, command};
use super::words::{ago, at, badge, check_link, empty, grouped, incident_words, lasting, names, severity_tone};
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::monitor::overview::{Awaited, IncidentView, Overview};
use crate::net::place::{incident_path, segment};

/// Open incidents, the gravest first, each with what it explains. `count`: how many there are; not all of many are shown.
pub(super) fn open(overview: &Overview, count: u64) -> Markup {
    let shown = u64::try_from(overview.incidents.len()).unwrap_or(0);
    html! {
        section.open aria-labelledby="open" {
            h2 #open { "Open incidents" }
            @if overview.incidents.is_empty() {
                (empty("None.", &html! { "What was is under " a href="/incidents" { "Incidents" } "." }))
            }
            @for view in &overview.incidents { (one(view, overview.now)) }
            @if count > shown { p.more { a href="/incidents" { "All " (grouped(count)) } } }
        }
    }
}

fn one(view: &IncidentView, now: Moment) -> Markup {
    let incident = &view.incident;
    let is_group = Role::of(&incident.check) == Role::Group;
    html! {
        article.incident.(incident.severity) {
            h3 {
                a href=(incident_path(&incident.key)) { (incident_words(incident)) } " " (badge(severity_tone(incident.severity), incident.severity.as_str()))
                span.aside { " since " (ago(incident.since, now)) @if incident.flips > 1 { ", flipped " (incident.flips) " times" } }
            }
            p { (incident.reason) }
            (seen_to(view, now))
            @if !view.also.is_empty() { p.also { @if is_group { "Now: " } @else { "Explains: " } (names(&view.also, &view.checks)) } }
        }
    }
}

/// Who has seen to it, and why it is not told.
pub(super) fn seen_to(view: &IncidentView, now: Moment) -> Markup {
    html! {
        @match &view.acknowledged {
            Some(said) => { p.seen { (said) " " (ago(said.at, now)) } }
            None if view.incident.resolved_at.is_none() => {
                p.next { "Not acknowledged. " (command(&format!("allswell ack {}", argument(&view.incident.check)))) }
            }
            None => {}
        }
        @match (&view.hushed, view.awaits) {
            (Some(why), _) => { p.aside { "Not told: " (why) } }
            (None, Some(awaited)) => { p.aside { "Not told yet: " (awaited_words(awaited)) } }
            (None, None) => {}
        }
    }
}

fn awaited_words(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::Cause => "looking for a cause",
        Awaited::Recovery => "what explained it is over, and it may recover as well",
        Awaited::Others => "others may be told with it",
    }
}

/// The page of incidents: those that are open, then those that were, page by page. `next`: where the next page begins.
#[must_use]
pub fn draw(open: &[IncidentView], over: &[(Moment, Incident)], next: Option<&str>, now: Moment) -> Markup {
    html! {
        h1 { "Incidents" }
        @if !open.is_empty() {
            section aria-labelledby="open" { h2 #open { "Open" } @for view in open { (one(view, now)) } }
        }
        section aria-labelledby="over" {
            h2 #over { "Newest first" }
            @if over.is_empty() {
                (empty("Nothing has ever gone wrong here.", &html! { "See who would be told: " (command("allswell test-channel NAME")) }))
            } @else { (table(over, now)) }
            @if let Some(next) = next { p.more { a rel="next" href={ "/incidents?before=" (segment(next)) } { "Older" } } }
        }
    }
}

fn table(over: &[(Moment, Incident)], now: Moment) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Incidents" { table {
            thead { tr { th scope="col" { "Began" } th scope="col" { "What" } th scope="col" { "Lasted" } th scope="col" { "Why" } } }
            tbody { @for (_, incident) in over { tr {
                td data-label="began" { (at(incident.since)) }
                th scope="row" {
                    a href=(incident_path(&incident.key)) { (incident_words(incident)) }
                    @if incident.resolved_at.is_none() { " " (badge(severity_tone(incident.severity), "open")) }
                }
                td data-label="lasted" { (lasting(incident.resolved_at.unwrap_or(now).since(incident.since))) }
                td.long { (incident.reason) @if incident.cause.is_some() { span.aside { ", explained by another" } } }
            } } }
        } }
    }
}

/// The check of an incident, or those that it is told of together, with the way to their pages.
pub(super) fn of_check(view: &IncidentView) -> Markup {
    let members = view.incident.members();
    if members.is_empty() { check_link(&view.incident.check, &view.checks) } else { names(members, &view.checks) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::check::{Reason, Status};
    use crate::domain::incident::Severity;

    #[test]
    fn what_is_not_told_yet_says_what_it_waits_for_and_what_is_quiet_says_only_why() {
        let at = Moment::from_millis(1_795_000_000_000);
        let said = |awaits: Option<Awaited>, resolved_at: Option<Moment>, hushed: Option<&str>| {
            let incident = Incident {
                key: "job-1".into(),
                check: "job".into(),
                status: Status::Down,
                severity: Severity::Warning,
                since: at,
                reason: Reason::Failing { what: "no".into(), times: 1 },
                cause: None,
                flips: 1,
                resolved_at,
            };
            let hushed = hushed.map(str::to_owned);
            let is_held = awaits.is_some();
            let view = IncidentView { incident, also: Vec::new(), is_held, acknowledged: None, hushed, checks: BTreeSet::new(), awaits };
            seen_to(&view, at).into_string()
        };
        assert!(said(Some(Awaited::Cause), None, None).contains("Not told yet: looking for a cause"));
        assert!(said(Some(Awaited::Recovery), None, None).contains("Not told yet: what explained it is over"));
        for resolved_at in [None, Some(at)] {
            assert!(said(Some(Awaited::Others), resolved_at, None).contains("Not told yet: others may be told with it"));
        }
        assert!(!said(None, None, None).contains("Not told"));
        let quiet = said(Some(Awaited::Cause), None, Some("muted"));
        assert!(quiet.contains("Not told: muted") && !quiet.contains("Not told yet"), "{quiet}");
    }
}
