//! What anybody may see.

use maud::{DOCTYPE, Markup, html};

use super::assets::SCRIPT_PATH;
use super::bars::{bars, percent};
use super::frame::head;
use super::words::{at, badge, lasting, whole};
use crate::monitor::public::{PublicCheck, PublicHealth, PublicIncident, PublicView};
use crate::monitor::stories::DAYS;

/// The class that gives it its colour and its shape.
pub(super) fn tone(health: PublicHealth) -> &'static str {
    match health {
        PublicHealth::Working => "good",
        PublicHealth::Unknown => "quiet",
        PublicHealth::DoingPoorly => "weak",
        PublicHealth::NotWorking => "bad",
    }
}

fn verdict(view: &PublicView) -> &'static str {
    match view.worst() {
        PublicHealth::Working => "Everything works",
        PublicHealth::Unknown => "Some things are not known",
        PublicHealth::DoingPoorly => "Something is doing poorly",
        PublicHealth::NotWorking => "Something is not working",
    }
}

/// The whole page; it has no way to the other pages.
#[must_use]
pub fn draw(view: &PublicView) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (head(&format!("{}: {}", view.title, verdict(view))))
                script src=(*SCRIPT_PATH) defer {}
                noscript { meta http-equiv="refresh" content="60"; }
                link rel="alternate" type="application/rss+xml" title={ (view.title) ": incidents" } href="/public/feed.rss";
            }
            body.public data-now=(view.now) data-every="60" {
                main #main {
                    div.verdict.(tone(view.worst())) role="status" { p.app { (view.title) } h1 { (verdict(view)) } p.aside { "as of " (at(view.now)) } }
                    (maintenance(view))
                    @for check in &view.checks { (one(check)) }
                    (incidents(view))
                }
                footer { p { a href="/public/feed.rss" { "RSS" } " · " a href="/public/status.json" { "JSON" } " · " a href="/public/badge.svg" { "Badge" } ". All times are UTC." } }
            }
        }
    }
}

fn maintenance(view: &PublicView) -> Markup {
    html! {
        @if !view.maintenance.is_empty() { section aria-labelledby="maintenance" {
            h2 #maintenance { "Maintenance" }
            ul.plain { @for planned in &view.maintenance { li {
                strong { (planned.name) } " " @if planned.from <= view.now { (badge("quiet", "under way")) } @else { (badge("quiet", "planned")) }
                div.aside { (whole(planned.from)) " to " (whole(planned.to)) ": " (planned.checks.join(", ")) }
            } } }
        } }
    }
}

fn one(check: &PublicCheck) -> Markup {
    let up =
        check.uptime_hundredths.map_or_else(|| "nothing is known yet".to_owned(), |part| format!("{} over {DAYS} days", percent(part)));
    html! {
        section.published {
            h2 { (check.name) " " (badge(tone(check.health), check.health.as_str())) span.aside { " " (up) } }
            (bars(&check.days, &format!("{}, the last {DAYS} days: {up}", check.name), false))
        }
    }
}

fn incidents(view: &PublicView) -> Markup {
    const MOST: usize = 15;
    html! {
        section aria-labelledby="past" {
            h2 #past { "Incidents" }
            @if view.incidents.is_empty() { p.empty { "None in the last " (DAYS) " days." } }
            ol.log { @for incident in view.incidents.iter().take(MOST) { li {
                (words(incident)) " "
                @match incident.resolved_at { Some(end) => (badge("good", &format!("over, lasted {}", lasting(end.since(incident.since))))), None => (badge(tone(incident.health), "now")) }
                div.aside { (at(incident.since)) @if let Some(end) = incident.resolved_at { " to " (at(end)) } }
            } } }
        }
    }
}

/// `site was not working`.
pub(super) fn words(incident: &PublicIncident) -> String {
    format!("{} {} {}", incident.check, if incident.resolved_at.is_some() { "was" } else { "is" }, incident.health.as_str())
}
