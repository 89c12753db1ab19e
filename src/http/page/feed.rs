//! Incidents and maintenance for feed readers.

use chrono::SecondsFormat;
use maud::{Markup, PreEscaped, html};

use super::public::words;
use super::words::{lasting, whole};
use crate::domain::moment::Moment;
use crate::monitor::public::PublicView;

/// RSS 2.0. `url`: where people find the public view.
#[must_use]
pub fn rss(view: &PublicView, url: &str) -> Markup {
    const MOST: usize = 50;
    html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
        rss version="2.0" { channel {
            title { (view.title) }
            link { (url) }
            description { "Incidents and maintenance of " (view.title) }
            lastBuildDate { (dated(view.now)) }
            @for planned in &view.maintenance { item {
                title { "Maintenance: " (planned.name) }
                description { (whole(planned.from)) " to " (whole(planned.to)) ": " (planned.checks.join(", ")) }
                guid isPermaLink="false" { "maintenance " (planned.name) " " (stamp(planned.from)) }
                pubDate { (dated(planned.from.min(view.now))) }
            } }
            @for incident in view.incidents.iter().take(MOST) { item {
                title { (words(incident)) @if let Some(end) = incident.resolved_at { ", for " (lasting(end.since(incident.since))) } }
                link { (url) }
                guid isPermaLink="false" { (incident.check) " " (stamp(incident.since)) @if incident.resolved_at.is_some() { " over" } }
                pubDate { (dated(incident.resolved_at.unwrap_or(incident.since))) }
            } }
        } }
    }
}

fn dated(moment: Moment) -> String {
    moment.to_utc().to_rfc2822()
}

fn stamp(moment: Moment) -> String {
    moment.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true)
}
