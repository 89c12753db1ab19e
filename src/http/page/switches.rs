//! Who did what to the cluster, when, and how it ended.

use maud::{Markup, html};

use super::advice::command;
use super::words::{ago, at, badge, colour as named, due, empty, lasting};
use crate::domain::colour::Colour;
use crate::domain::entry::{Entry, Step};
use crate::domain::moment::Moment;
use crate::domain::switch::Phase;
use crate::monitor::LiveHeard;

/// The page. `is_more`: there are older ones.
#[must_use]
pub fn draw(entries: &[Entry], is_more: bool, live: &LiveHeard, now: Moment) -> Markup {
    html! {
        h1 { "Switches and deploys" }
        (what_next(live, now))
        section aria-label="History" {
            @if entries.is_empty() {
                (empty("Nothing was switched or deployed since this watcher listens.", &html! { "What the prober remembers: " (command("allswell history")) }))
            }
            ol.entries { @for entry in entries { (one(entry, now)) } }
            @if let Some(last) = entries.last().filter(|_| is_more) { p.more { a rel="next" href={ "/switches?before=" (last.started_at.as_millis()) } { "Older" } } }
        }
    }
}

/// What is live, and what to type to change that.
fn what_next(live: &LiveHeard, now: Moment) -> Markup {
    let (said, deploy) = (&live.live, live.live.deploy.as_ref().filter(|deploy| deploy.until > now));
    html! {
        dl.facts {
            div { dt { "Live" } dd { @match said.colour { Some(colour) => (named(colour)), None => "undefined" } } }
            @match said.colour {
                Some(colour) => {
                    div { dt { "Switch" } dd { (command(&format!("allswell switch {}", colour.other()))) } }
                    div { dt { "New version" } dd { (command(&format!("allswell deploy {} --version V --switch", colour.other()))) } }
                    div { dt { "Back" } dd { (command("allswell rollback")) } }
                }
                None => { div { dt { "Look" } dd { (command("allswell live")) } } }
            }
            @if let Some(deploy) = deploy { div.now { dt { "Deploy under way" } dd { (named(deploy.colour)) ", until " (due(deploy.until, now)) } } }
        }
    }
}

fn one(entry: &Entry, now: Moment) -> Markup {
    let (tone, word) = ending(entry);
    let ended = entry.ended_at.unwrap_or(now);
    html! {
        li.entry.(tone) {
            h2 {
                (entry.what) " "
                @match entry.origin.filter(|_| !entry.what.is_of_instances()) {
                    Some(origin) => { (named(origin)) " → " (named(entry.asked.target)) }
                    None => (named(entry.asked.target)),
                }
                " " (badge(tone, word))
            }
            p.aside { (at(entry.started_at)) ", by " (entry.asked.by) ", " @if entry.ended_at.is_some() { "took " } @else { "for " } (lasting(ended.since(entry.started_at))) " (" (ago(entry.started_at, now)) ")" }
            @if let Some(version) = &entry.asked.version { p { "Version " (version) } }
            @if let Some(instances) = entry.asked.instances { p { (instances) " instances" } }
            @if let Some(why) = &entry.asked.forced { p.reason { "The gate was skipped: " (why) } }
            @if let Some(reason) = &entry.reason { p.reason { (reason) } }
            @if entry.steps.len() > 1 && !entry.what.is_of_instances() { (phases(entry)) }
        }
    }
}

/// Each phase with how long it took, from the one before.
fn phases(entry: &Entry) -> Markup {
    let pairs: Vec<(&Step, &Step)> = entry.steps.iter().zip(entry.steps.iter().skip(1)).collect();
    let whole = entry.steps.last().map_or(1, |last| last.at.since(entry.started_at).as_millis().max(1));
    html! {
        ol.phases { @for (before, step) in pairs {
            li {
                span.phase { (doing(step.phase, entry.asked.target)) }
                span.took { (took(step.at.since(before.at))) }
                svg.share viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
                    rect x=(before.at.since(entry.started_at).as_millis() * 100 / whole) y="0" height="4"
                        width=((step.at.since(before.at).as_millis() * 100 / whole).max(1)) {}
                }
                @if let Some(note) = step.note.as_ref().filter(|note| Some(*note) != entry.reason.as_ref()) { span.note { (note) } }
            }
        } }
    }
}

/// What went on until the phase was reached.
fn doing(phase: Phase, target: Colour) -> String {
    match phase {
        Phase::Intended => "asked".to_owned(),
        Phase::Gated => "gate".to_owned(),
        Phase::Shifted => "shift".to_owned(),
        Phase::Verified => "verify".to_owned(),
        Phase::Drained => format!("drain of {}", target.other()),
        Phase::Done => "observe".to_owned(),
        Phase::Refused | Phase::Reverted | Phase::Stayed | Phase::Interrupted => format!("until {phase}"),
    }
}

fn took(duration: std::time::Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds @ 1..10 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        _ => lasting(duration),
    }
}

fn ending(entry: &Entry) -> (&'static str, &'static str) {
    match entry.phase {
        Phase::Done => ("good", "done"),
        Phase::Refused if entry.what.is_of_instances() => ("bad", "failed"),
        Phase::Refused => ("weak", "refused"),
        Phase::Reverted => ("bad", "taken back"),
        Phase::Stayed => ("bad", "not taken back"),
        Phase::Interrupted => ("weak", "interrupted"),
        Phase::Intended | Phase::Gated | Phase::Shifted | Phase::Verified | Phase::Drained => ("quiet", "under way"),
    }
}
