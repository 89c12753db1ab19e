//! All that is known of one check.

use maud::{Markup, html};

use super::advice::{argument, command, of_check};
use super::bars::{bars, date, percent, title};
use super::colours;
use super::frame::Who;
use super::line::line;
use super::words::{ago, at, badge, due, empty, health, incident_words, lasting, tone};
use crate::domain::check::Status;
use crate::domain::days::{days, uptime};
use crate::domain::moment::{Moment, humane};
use crate::domain::quiet::{Quiet, QuietKind};
use crate::monitor::stories::{CheckStory, DAYS};
use crate::net::place::{check_path, incident_path};
use crate::store::pages::LoggedBeat;

/// So much of a body is shown.
const LONGEST_BODY: usize = 1_000;

/// The page of a check. `ping_url`: for who may ping.
#[must_use]
pub fn draw(story: &CheckStory, ping_url: Option<&str>, who: &Who, now: Moment) -> Markup {
    let view = &story.page.view;
    html! {
        div.verdict.(tone(view.status)) role="status" {
            h1 { (view.name) }
            p.state { (health(view.status, &view.health)) span.aside { " since " (ago(view.since, now)) } }
            @if let Some(reason) = &view.reason { p.reason { (reason) } }
            @if let Some(advice) = of_check(view) { p.next { (command(&advice)) } }
        }
        (facts(story, ping_url, now))
        @if let Some(instances) = &view.instances { section aria-labelledby="instances" {
            h2 #instances { "Instances" span.aside { " " (instances.well) " of " (instances.expected) " well" } }
            (colours::list(instances, now))
        } }
        (looking_back(story, now))
        section aria-labelledby="latency" {
            h2 #latency { "Latency" }
            @match line(&story.latency, now) { Some(drawn) => (drawn), None => (empty("No beat has said how long it took.", &html! {})) }
        }
        div.columns { div.column { (beats(story, now)) } div.column { (flips(story, now)) (quiet(view.name.as_str(), story.quiet.as_ref(), who)) } }
    }
}

fn facts(story: &CheckStory, ping_url: Option<&str>, now: Moment) -> Markup {
    let view = &story.page.view;
    let is_expected = !matches!(view.status, Status::Stopped | Status::Paused);
    html! {
        dl.facts {
            @if let Some((words, grace)) = &story.expected { div { dt { "Due" } dd { (words) span.aside { ", " (humane(*grace)) " of grace" } } } }
            div { dt { "Last beat" } dd { @match view.last_heard { Some(heard) => (ago(heard, now)), None => "never" } } }
            @if is_expected && view.due.as_millis() < i64::MAX { div { dt { "Next beat" } dd { (due(view.due, now)) } } }
            @if let Some(took_ms) = story.page.took_ms { div { dt { "Last run took" } dd { (humane(std::time::Duration::from_millis(took_ms))) } } }
            @if let Some(version) = &view.version { div { dt { "Version" } dd { (version) } } }
            @if let Some(url) = ping_url { div.wide { dt { "Its beat" } dd { (command(&format!("curl -fsS -m 10 --retry 5 {url}"))) } } }
            @if story.next.len() > 1 && is_expected {
                div.wide { dt { "Next times" } dd { @for (place, then) in story.next.iter().enumerate() { @if place > 0 { ", " } (at(*then)) } } }
            }
        }
    }
}

fn looking_back(story: &CheckStory, now: Moment) -> Markup {
    let last = days(&story.incidents, story.known_since, DAYS, now);
    let up = uptime(&last, story.known_since, now)
        .map_or_else(|| "nothing is known yet".to_owned(), |part| format!("not down {} of the time", percent(part)));
    let label = format!("The last {DAYS} days, day by day: {up}");
    html! {
        section aria-labelledby="days" {
            h2 #days { "The last " (DAYS) " days" span.aside { " " (up) } }
            (bars(&last, &label, true))
            @if story.incidents.is_empty() { (empty("No incident.", &html! {})) }
            ol.days { @for day in last.iter().rev().filter(|day| !day.incidents.is_empty()) { li #{ "day-" (date(day)) } {
                span.date { (title(day)) }
                ul { @for incident in day.incidents.iter().filter_map(|place| story.incidents.get(*place)) { li {
                    a href=(incident_path(&incident.key)) { (incident_words(incident)) }
                    span.aside { " " (lasting(incident.resolved_at.unwrap_or(now).since(incident.since))) ": " (incident.reason) }
                } } }
            } } }
        }
    }
}

fn beats(story: &CheckStory, now: Moment) -> Markup {
    html! {
        section aria-labelledby="beats" {
            h2 #beats { "Last beats" }
            @if story.beats.is_empty() { (empty("None yet.", &html! { "Its schedule and its address: " (command("allswell checks")) })) }
            ol.log { @for (beat, body) in &story.beats { li {
                (badge(tone_of(beat), beat.kind.as_str())) " " (ago(beat.at, now))
                span.aside { " " (said_by(beat)) }
                @if let Some(reason) = beat.health.as_ref().and_then(|health| health.reason.as_ref()) { div.reason { (reason) } }
                @if let Some(why) = &beat.ignored { div.reason { "Did not count: " (why) } }
                @if let Some(body) = body { (shown(beat, body)) }
            } } }
        }
    }
}

fn shown(beat: &LoggedBeat, body: &str) -> Markup {
    let end = body.char_indices().nth(LONGEST_BODY).map(|(place, _)| place);
    html! {
        details #{ "beat-" (beat.id) } {
            summary { "Body, " (beat.body_bytes) " bytes" }
            pre tabindex="0" { (body.get(..end.unwrap_or(body.len())).unwrap_or(body)) @if end.is_some() { "…" } }
            @if end.is_some() { a href={ "/beats/" (beat.id) "/body" } { "The whole body" } }
        }
    }
}

fn tone_of(beat: &LoggedBeat) -> &'static str {
    use crate::domain::beat::BeatKind;
    match beat.kind {
        BeatKind::Success => "good",
        BeatKind::Fail => "bad",
        BeatKind::Start | BeatKind::Log | BeatKind::Bye => "quiet",
    }
}

/// Who sent it, and what else it said.
fn said_by(beat: &LoggedBeat) -> String {
    let took = beat.health.as_ref().and_then(|health| health.latency_ms).map(|took| format!("{took} ms"));
    let ran = beat.duration_ms.map(|took| format!("ran for {}", humane(std::time::Duration::from_millis(took))));
    let status = beat.exit_status.map(|status| format!("exit status {status}"));
    let sender = Some(beat.instance.clone()).filter(|instance| beat.address.as_ref() != Some(instance));
    let words: Vec<String> = [took, ran, status, sender, beat.address.clone()].into_iter().flatten().collect();
    words.join(", ")
}

fn flips(story: &CheckStory, now: Moment) -> Markup {
    html! {
        section aria-labelledby="flips" {
            h2 #flips { "Flips" }
            @if story.flips.is_empty() { (empty("None: it is as it was from the beginning.", &html! {})) }
            ol.log { @for flip in &story.flips { li {
                (badge(tone(flip.flip.to), flip.flip.to.as_str())) span.aside { " after " (flip.flip.from) ", " } (ago(flip.flip.at, now))
                div.reason { @match &flip.incident { Some(key) => { a href=(incident_path(key)) { (flip.words) } } None => (flip.words) } }
            } } }
        }
    }
}

/// Mute, or end the quiet.
pub(super) fn quiet(check: &str, quiet: Option<&Quiet>, who: &Who) -> Markup {
    let path = check_path(check);
    html! {
        section.act aria-labelledby="quiet" {
            h2 #quiet { "Quiet" }
            @if let Some(quiet) = quiet { p { (quiet) } }
            @match (who.acts, quiet) {
                (false, _) => { p.empty { "To mute it here, " a href="/sign-in" { "sign in" } ". Or: " (command(&format!("allswell mute {} --for 1h", argument(check)))) } }
                (true, Some(quiet)) => { form method="post" action={ (path) "/resume" } {
                    button type="submit" { @if quiet.kind == QuietKind::Mute { "Unmute" } @else { "Resume" } }
                } }
                (true, None) => { form method="post" action={ (path) "/mute" } {
                    label { "For " select name="for" { @for (value, words) in [("30m", "30 minutes"), ("1h", "1 hour"), ("4h", "4 hours"), ("1d", "1 day"), ("7d", "7 days")] {
                        option value=(value) selected[value == "1h"] { (words) }
                    } } }
                    label { "Why " input name="note" maxlength="500" autocomplete="off"; }
                    button type="submit" { "Mute" }
                } }
            }
        }
    }
}
