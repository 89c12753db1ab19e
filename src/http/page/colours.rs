//! Both colours side by side, and which of them is live.

use maud::{Markup, html};

use super::words::{ago, badge, colour as named, due, tone};
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::monitor::overview::{CheckView, InstanceView, InstancesView, Overview};

/// What is live, since when we know, and what is under way.
pub(super) fn live(overview: &Overview) -> Markup {
    let live = &overview.live;
    html! {
        p.live {
            @match (live.colour, live.heard_at) {
                (Some(colour), _) => { "Live: " strong { (named(colour)) } }
                (None, Some(_)) => { strong.undefined { "Live colour undefined" } ": the proxy does not say" }
                (None, None) => { strong.undefined { "Live colour undefined" } ": the prober was never heard" }
            }
            @if let Some(heard_at) = live.heard_at { span.aside { " heard " (ago(heard_at, overview.now)) ", epoch " (live.epoch) } }
            @if let Some(phase) = live.phase { span.aside { ", last switch " (phase) } }
        }
        @if let Some(deploy) = &live.deploy {
            p.deploy { "A deploy of " (named(deploy.colour)) " is under way; its checks are quiet until its deadline " (due(deploy.until, overview.now)) "." }
        }
    }
}

/// Two cards.
pub(super) fn cards(overview: &Overview) -> Markup {
    html! { div.cards { @for colour in Colour::BOTH { (card(overview, colour)) } } }
}

fn card(overview: &Overview, colour: Colour) -> Markup {
    let find = |name: &str| overview.checks.iter().find(|check| check.name == name);
    let (app, heartbeat) = (find(colour.as_str()), find(&format!("heartbeat-{colour}")));
    let standing = match overview.live.colour {
        Some(live) if live == colour => "live",
        Some(_) => "idle",
        None => "live or idle: undefined",
    };
    let version = app.and_then(|check| check.version.as_ref()).or(heartbeat.and_then(|check| check.version.as_ref()));
    html! {
        section.card.(colour).live[overview.live.colour == Some(colour)] {
            h2 { (named(colour)) span.standing { (standing) } }
            @match app {
                Some(check) if check.status == Status::Stopped => { p.health.quiet { "stopped" } p.details { "on purpose: no instance is expected" } }
                Some(check) => { p.health.(tone(check.status)) { (check.health) } (details(check, overview.now)) }
                None => { p.health.quiet { "not watched" } }
            }
            dl {
                dt { "version" } dd { @if let Some(version) = version { (version) } @else { "unknown" } }
                @if let Some(check) = heartbeat { dt { "heartbeat" } dd { (badge(tone(check.status), &check.health)) } }
                @if let Some(instances) = heartbeat.and_then(|check| check.instances.as_ref()) {
                    dt { "instances" } dd { (instances.well) " of " (instances.expected) " well" }
                }
            }
            @if let Some(instances) = heartbeat.and_then(|check| check.instances.as_ref()) { (list(instances, overview.now)) }
        }
    }
}

/// Each instance with how it is, where there can be several.
fn list(instances: &InstancesView, now: Moment) -> Markup {
    let one = |instance: &InstanceView| {
        html! {
            li {
                (instance.name) " " (badge(tone(instance.status), &instance.health))
                @if let Some(heard) = instance.last_heard { span.aside { " " (ago(heard, now)) } }
                @if let Some(reason) = &instance.reason { div.reason { (reason) } }
            }
        }
    };
    html! {
        @if instances.expected > 1 || instances.known.len() > 1 {
            ul.instances {
                @for instance in &instances.known { (one(instance)) }
                @for _ in 0..instances.unknown() { li { "one more is expected and was never heard" } }
            }
        }
    }
}

fn details(check: &CheckView, now: Moment) -> Markup {
    html! {
        p.details {
            @if let Some(latency_ms) = check.latency_ms { (latency_ms) " ms, " }
            @match check.last_heard { Some(heard) => { "probed " (ago(heard, now)) } None => { "not probed yet" } }
            @if let Some(reason) = &check.reason { br; span.reason { (reason) } }
        }
    }
}
