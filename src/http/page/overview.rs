//! Everything at a glance.

use maud::{Markup, html};

use super::advice::command;
use super::words::{ago, colour as named, count, due, empty, grouped, lasting};
use super::{colours, incidents, parts, told};
use crate::domain::check::Status;
use crate::domain::entry::Entry;
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::monitor::glance::Glance;
use crate::monitor::overview::Overview;

/// The verdict in words, and its tone.
fn verdict(glance: &Glance) -> (String, &'static str) {
    let worst = glance.overview.incidents.iter().map(|view| view.incident.severity).max();
    match worst {
        _ if glance.trouble.is_some() => ("This watcher does not work".to_owned(), "bad"),
        Some(Severity::Critical) => (count(glance.open, "open incident", "open incidents"), "bad"),
        Some(Severity::Warning | Severity::Info) => (count(glance.open, "open incident", "open incidents"), "weak"),
        None if glance.overview.live.colour.is_none() => ("Live colour undefined".to_owned(), "weak"),
        None => ("All’s well".to_owned(), "good"),
    }
}

/// The page's title, and what is in it.
#[must_use]
pub fn draw(glance: &Glance) -> (String, Markup) {
    let overview = &glance.overview;
    let (word, tone) = verdict(glance);
    let main = html! {
        div.summary {
            div.verdict.(tone) role="status" {
                h1 { (word) }
                (live(overview))
            }
            (orders(glance))
        }
        @if let Some(trouble) = &glance.trouble { p.alert role="alert" { "This watcher does not work: " (trouble) } }
        div.columns {
            div.column {
                (colours::cards(overview))
                (parts::strip(overview))
            }
            div.column {
                (incidents::open(overview, glance.open))
                (quiet(overview))
                (told::newest(overview))
                (gaps(overview))
            }
        }
        (own(glance))
    };
    (word, main)
}

/// What is live, and since when we know.
fn live(overview: &Overview) -> Markup {
    let live = &overview.live;
    html! {
        p.live {
            @match (live.colour, live.heard_at) {
                (Some(colour), _) => { "Live: " strong { (named(colour)) } }
                (None, Some(_)) => { "The proxy does not say which colour is live. " (command("allswell live")) }
                (None, None) => { "The prober was never heard: it knows which colour is live. " (command("allswell up")) }
            }
            @if let Some(heard_at) = live.heard_at { span.aside { ", heard " (ago(heard_at, overview.now)) ", epoch " (live.epoch) } }
        }
    }
}

/// The last switch and the last deploy, and what is under way.
fn orders(glance: &Glance) -> Markup {
    let overview = &glance.overview;
    let (live, now) = (&overview.live, overview.now);
    let under_way = live.phase.filter(|phase| !phase.is_over());
    html! {
        dl.facts {
            div { dt { "Last switch" } dd { (last(glance.switched.as_ref(), now, "allswell switch green")) } }
            div { dt { "Last deploy" } dd { (last(glance.deployed.as_ref(), now, "allswell deploy")) } }
            @if let Some(phase) = under_way { div.now { dt { "Switch under way" } dd { (phase) ". " (command("allswell history")) } } }
            @if let Some(deploy) = &live.deploy { div.now {
                dt { "Deploy under way" }
                dd { (named(deploy.colour)) ", quiet until its deadline " (due(deploy.until, now)) }
            } }
        }
    }
}

fn last(entry: Option<&Entry>, now: Moment, otherwise: &str) -> Markup {
    let Some(entry) = entry else { return html! { "none yet. " (command(otherwise)) } };
    let ended = entry.ended_at.unwrap_or(entry.started_at);
    html! {
        (ago(ended, now)) ": "
        @if let Some(origin) = entry.origin.filter(|_| !entry.what.is_of_instances()) { (named(origin)) " → " }
        (named(entry.asked.target))
        @if let Some(version) = &entry.asked.version { " " (version) }
        span.aside { " in " (lasting(ended.since(entry.started_at))) ", by " (entry.asked.by) }
    }
}

/// What is muted, paused or under maintenance now.
fn quiet(overview: &Overview) -> Markup {
    html! {
        @if !overview.quiet.is_empty() {
            section aria-labelledby="quiet" { h2 #quiet { "Quiet now" } ul.plain { @for words in &overview.quiet { li { (words) } } } }
        }
    }
}

/// What nobody would hear of: folded, for it is as true tomorrow.
fn gaps(overview: &Overview) -> Markup {
    let many = u64::try_from(overview.unheard.len()).unwrap_or(0);
    html! {
        @if many > 0 {
            section aria-labelledby="gaps" {
                details #unheard {
                    summary { h2 #gaps { "Who would not hear of what" } span.aside { " " (count(many, "gap", "gaps")) } }
                    ul.plain { @for gap in &overview.unheard { li { (gap) } } }
                }
            }
        }
    }
}

/// The user's own checks.
fn own(glance: &Glance) -> Markup {
    let total: u64 = glance.counts.iter().map(|(_, count)| count).sum();
    let built_in = u64::try_from(glance.overview.checks.len()).unwrap_or(0);
    let own = total.saturating_sub(built_in);
    let ill: u64 = glance
        .counts
        .iter()
        .filter(|(status, _)| matches!(status, Status::Down | Status::Poorly | Status::Failing))
        .map(|(_, count)| count)
        .sum();
    let shown = u64::try_from(glance.own.len()).unwrap_or(0);
    html! {
        section aria-labelledby="own" {
            h2 #own { "Your checks" @if own > 0 { span.aside { " " (grouped(own)) @if ill > 0 { ", of all checks " (grouped(ill)) " not well" } } } }
            @if glance.own.is_empty() {
                (empty("Nothing of your own is watched yet.", &html! { "Add a " code { "[[check]]" } " to the config, then " (command("allswell reload")) }))
            } @else {
                (parts::own(&glance.own, glance.overview.now))
                @if own > shown { p.more { a href="/checks" { "All " (grouped(own)) " checks" } } }
            }
        }
    }
}
