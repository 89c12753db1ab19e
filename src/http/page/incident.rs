//! One incident, from the first silence to its end.

use maud::{Markup, html};

use super::advice::{argument, command};
use super::check::quiet;
use super::frame::Who;
use super::incidents::{of_check, seen_to};
use super::words::{ago, at, badge, incident_words, lasting, names, severity_tone, tone};
use crate::domain::check::Status;
use crate::domain::flip::Reason;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::monitor::overview::IncidentView;
use crate::monitor::stories::IncidentStory;
use crate::net::place::incident_path;
use crate::store::notices::StoredNotice;

/// One line of the timeline.
struct Event {
    at: Moment,
    tone: &'static str,
    word: &'static str,
    what: Markup,
}

/// The page of an incident.
#[must_use]
pub fn draw(story: &IncidentStory, who: &Who, now: Moment) -> Markup {
    let (view, incident) = (&story.view, &story.view.incident);
    let tone = if incident.resolved_at.is_some() { "good" } else { severity_tone(incident.severity) };
    html! {
        div.verdict.(tone) role="status" {
            h1 { (incident_words(incident)) }
            p.state {
                @match incident.resolved_at {
                    Some(end) => { (badge("good", "resolved")) span.aside { " after " (lasting(end.since(incident.since))) ", " (ago(end, now)) } }
                    None => { (badge(severity_tone(incident.severity), incident.severity.as_str())) span.aside { " since " (ago(incident.since, now)) } }
                }
            }
            p.reason { (incident.reason) }
            (seen_to(view, now))
        }
        dl.facts {
            div { dt { "Check" } dd { (of_check(view)) } }
            div { dt { "Began" } dd { (at(incident.since)) } }
            @if let Some(end) = incident.resolved_at { div { dt { "Ended" } dd { (at(end)) } } }
            div { dt { "Flips" } dd { (incident.flips) } }
            @if let Some(cause) = &incident.cause { div.wide { dt { "Explained by" } dd { a href=(incident_path(cause)) { (cause) } } } }
            @if !view.also.is_empty() { div.wide { dt { "Explains" } dd { (names(&view.also, &view.checks)) } } }
        }
        div.columns {
            div.column { (timeline(story, now)) }
            div.column {
                (told(story, now))
                @if incident.resolved_at.is_none() { (acknowledge(story, who)) }
                @if may_be_quiet(view) { (quiet(&incident.check, story.quiet.as_ref(), who)) }
            }
        }
    }
}

/// A check can be muted while its incident is open, and so can a channel.
fn may_be_quiet(view: &IncidentView) -> bool {
    let check = &view.incident.check;
    view.incident.resolved_at.is_none() && (view.checks.contains(check) || Role::of(check) == Role::Channel)
}

fn timeline(story: &IncidentStory, now: Moment) -> Markup {
    let mut events = events(story);
    events.sort_by_key(|event| event.at);
    let first = events.first().map_or(now, |event| event.at);
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            ol.timeline { @for event in events { li.(event.tone) {
                (at(event.at)) @if event.at.since(first).as_secs() > 0 { span.aside { " +" (lasting(event.at.since(first))) } }
                p { strong { (event.word) } " " (event.what) }
            } } }
        }
    }
}

fn events(story: &IncidentStory) -> Vec<Event> {
    let incident = &story.view.incident;
    let mut events = Vec::new();
    let mut add = |at, tone, word, what| events.push(Event { at, tone, word, what });
    if let Reason::Silent { last_heard: Some(heard), .. } = &incident.reason {
        add(*heard, "quiet", "last heard", html! {});
    }
    add(incident.since, "weak", "trouble began", html! {});
    if story.opened_at.since(incident.since).as_millis() > 0 {
        add(story.opened_at, "weak", "incident opened", html! {});
    }
    for flip in &story.flips {
        let word = match flip.flip.to {
            Status::Up => "working again",
            Status::Poorly => "doing poorly",
            _ => "not working",
        };
        add(flip.flip.at, tone(flip.flip.to), word, html! { (flip.words) });
    }
    for stored in &story.told {
        if let Some(taken_at) = stored.taken_at {
            add(taken_at, "quiet", "told", html! { (stored.channel) ": " (stored.notice.headline()) });
        }
        if let Some(passed_on_at) = stored.passed_on_at {
            add(passed_on_at, "weak", "passed on", html! { (stored.channel) " does not take it: others were told in its stead" });
        }
    }
    if let Some(said) = &story.view.acknowledged {
        add(said.at, "quiet", "acknowledged", html! { "by " (said.by) @if let Some(note) = &said.note { ": " (note) } });
    }
    if let Some(end) = incident.resolved_at.filter(|end| story.flips.iter().all(|flip| flip.flip.at != *end)) {
        add(end, "good", "resolved", html! {});
    }
    events
}

fn told(story: &IncidentStory, now: Moment) -> Markup {
    html! {
        section aria-labelledby="told" {
            h2 #told { "Told" }
            @if story.told.is_empty() { p.empty { "Nobody yet" @if story.view.incident.cause.is_some() { ": it stands in the incident that explains it" } "." } }
            @else { div.scroll tabindex="0" role="group" aria-label="Told" { table {
                thead { tr { th scope="col" { "Channel" } th scope="col" { "What" } th scope="col" { "Tried" } th scope="col" { "Receipt" } } }
                tbody { @for stored in &story.told { (notice(stored, now)) } }
            } } }
        }
    }
}

fn notice(stored: &StoredNotice, now: Moment) -> Markup {
    html! {
        tr {
            th scope="row" { (stored.channel) }
            td data-label="what" { (stored.notice.kind) }
            td data-label="tried" { (stored.attempts) "×" }
            td.long {
                @match (stored.taken_at, &stored.last_error) {
                    (Some(taken_at), _) => { (badge("good", "taken")) " " (ago(taken_at, now)) @if let Some(receipt) = &stored.receipt { div.reason { (receipt) } } }
                    (None, Some(error)) => {
                        (badge("bad", "not taken")) @if stored.due_at > now { " again " (super::words::due(stored.due_at, now)) } div.reason { (error) }
                    }
                    (None, None) => { (badge("quiet", "waiting")) " " (super::words::due(stored.due_at, now)) }
                }
            }
        }
    }
}

fn acknowledge(story: &IncidentStory, who: &Who) -> Markup {
    let incident = &story.view.incident;
    html! {
        @if story.view.acknowledged.is_none() { section.act aria-labelledby="acknowledge" {
            h2 #acknowledge { "Acknowledge" }
            @if who.acts {
                form method="post" action={ (incident_path(&incident.key)) "/acknowledge" } {
                    label { "Note " input name="note" maxlength="500" autocomplete="off"; }
                    button type="submit" { "Acknowledge" }
                }
                p.aside { "Ends reminders and escalation; the incident stays open until its check is well." }
            } @else {
                p.empty { "To acknowledge it here, " a href="/sign-in" { "sign in" } ". Or: " (command(&format!("allswell ack {}", argument(&incident.check)))) }
            }
        } }
    }
}
