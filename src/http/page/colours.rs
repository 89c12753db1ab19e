//! Both colours side by side, and which of them is live.

use maud::{Markup, html};

use super::advice::{command, of_colour};
use super::words::{ago, badge, colour as named, health, tone, whole};
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::monitor::overview::{CheckView, InstanceView, InstancesView, Overview};

/// Two cards.
pub(super) fn cards(overview: &Overview) -> Markup {
    html! { div.cards { @for colour in Colour::BOTH { (card(overview, colour)) } } }
}

fn card(overview: &Overview, colour: Colour) -> Markup {
    let find = |name: &str| overview.checks.iter().find(|check| check.name == name);
    let (app, heartbeat) = (find(colour.as_str()), find(&format!("heartbeat-{colour}")));
    let is_live = overview.live.colour == Some(colour);
    let standing = match overview.live.colour {
        Some(_) if is_live => "live",
        Some(_) => "idle",
        None => "live or idle: undefined",
    };
    let version = app.and_then(|check| check.version.as_ref()).or(heartbeat.and_then(|check| check.version.as_ref()));
    let instances = heartbeat.and_then(|check| check.instances.as_ref());
    html! {
        section.card.(colour).live[is_live] aria-labelledby={ "colour-" (colour) } {
            h2 #{ "colour-" (colour) } { (named(colour)) " " span.standing { (standing) } }
            @match app {
                Some(check) if check.status == Status::Stopped => { p.health.quiet { "stopped" } p.details { "On purpose: no instance is expected." } }
                Some(check) => {
                    div.showing { p.health.(tone(check.status)) { a href={ "/checks/" (colour) } { (check.health) } } (details(check, overview.now)) }
                    @if let Some(reason) = &check.reason { p.reason { (reason) } }
                }
                None => { p.health.quiet { "not watched" } }
            }
            dl {
                dt { "Version" } dd { @if let Some(version) = version { (version) } @else { span.aside { "not said" } } }
                @if let Some(check) = heartbeat { dt { "Heartbeat" } dd { a.bare href={ "/checks/heartbeat-" (colour) } { (health(check.status, &check.health)) } } }
                @if let Some(instances) = instances { dt { "Instances" } dd { (instances.well) " of " (instances.expected) " well" } }
            }
            @if let Some(instances) = instances { (chips(instances, version, overview.now)) }
            p.next { (command(&of_colour(colour, overview.live.colour, app))) }
        }
    }
}

/// Each instance by its name, where there can be several; of those that are not well, and of those with another version, what is known.
fn chips(instances: &InstancesView, version: Option<&String>, now: Moment) -> Markup {
    let is_told = |instance: &InstanceView| !matches!(instance.status, Status::Up | Status::Late) || instance.version.as_ref() != version;
    let (told, plain): (Vec<&InstanceView>, Vec<&InstanceView>) = instances.known.iter().partition(|instance| is_told(instance));
    html! {
        @if is_many(instances) {
            ul.instances.chips {
                @for instance in plain { li title=[instance.last_heard.map(|heard| format!("heard {}", whole(heard)))] {
                    span.name { (instance.name) } " " (badge(tone(instance.status), ""))
                    span.hidden { (instance.health) }
                } }
                @for instance in told { li.told { (one(instance, now)) } }
                @for _ in 0..instances.unknown() { li.told { "one more is expected and was never heard" } }
            }
        }
    }
}

fn is_many(instances: &InstancesView) -> bool {
    instances.expected > 1 || instances.known.len() > 1
}

fn one(instance: &InstanceView, now: Moment) -> Markup {
    html! {
        span.name { (instance.name) } " " (health(instance.status, &instance.health))
        @if let Some(version) = &instance.version { span.aside { " " (version) } }
        @if let Some(heard) = instance.last_heard { span.aside { " " (ago(heard, now)) } }
        @if let Some(reason) = &instance.reason { div.reason { (reason) } }
    }
}

/// Each instance with how it is, where there can be several.
pub(super) fn list(instances: &InstancesView, now: Moment) -> Markup {
    html! {
        @if is_many(instances) {
            ul.instances {
                @for instance in &instances.known { li { (one(instance, now)) } }
                @for _ in 0..instances.unknown() { li { "one more is expected and was never heard" } }
            }
        }
    }
}

fn details(check: &CheckView, now: Moment) -> Markup {
    html! {
        p.details {
            @match check.last_heard {
                Some(heard) => { @if let Some(latency_ms) = check.latency_ms { (latency_ms) " ms, " } "probed " (ago(heard, now)) }
                None => { "Not probed yet: is the prober running? " a href="/checks/prober" { "prober" } }
            }
        }
    }
}
