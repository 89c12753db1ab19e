//! The parts, and who of them is silent.

use maud::{Markup, html};

use super::advice::{command, of_check};
use super::words::{ago, health, tone};
use crate::domain::check::Status;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::monitor::overview::{CheckView, Overview};
use crate::net::place::check_path;

/// Every built-in check but the colours' own.
pub(super) fn strip(overview: &Overview) -> Markup {
    let parts = overview.checks.iter().filter(|check| !matches!(Role::of(&check.name), Role::Colour(_) | Role::Own));
    let mut parts: Vec<&CheckView> = parts.collect();
    parts.sort_by_key(|check| rank(Role::of(&check.name)));
    html! {
        section aria-labelledby="parts" {
            h2 #parts { "Parts" }
            ul.parts {
                @for check in parts { (one(check, what(Role::of(&check.name)), overview.now)) }
                li.good { span.part { "this watcher" span.what { " draws this page" } } span.how { (health(Status::Up, "working")) } }
            }
        }
    }
}

/// The user's own checks, as many in a line as there is room for. What to type stands in the incident, and on the check's page.
pub(super) fn own(checks: &[CheckView], now: Moment) -> Markup {
    html! { ul.parts.own { @for check in checks { (one(check, "", now)) } } }
}

fn one(check: &CheckView, what: &str, now: Moment) -> Markup {
    html! {
        li.(tone(check.status)) {
            span.part { a href=(check_path(&check.name)) title=[(!what.is_empty()).then_some(what)] { (check.name) } span.what { " " (what) } }
            span.how { (health(check.status, &check.health)) span.aside { " " @match check.last_heard { Some(heard) => (ago(heard, now)), None => "never" } } }
            @if let Some(reason) = check.reason.as_ref().filter(|_| check.status != Status::Up) { span.reason { (reason) } }
            @if let Some(advice) = of_check(check).filter(|_| Role::of(&check.name) != Role::Own) { span.next { (command(&advice)) } }
        }
    }
}

fn rank(role: Role) -> u8 {
    match role {
        Role::Site => 0,
        Role::Proxy => 1,
        Role::Preview => 2,
        Role::Prober => 3,
        Role::Watcher => 4,
        Role::Heartbeat(_) => 5,
        Role::Instances(_) => 6,
        _ => 7,
    }
}

fn what(role: Role) -> &'static str {
    match role {
        Role::Site => "the public address, from outside",
        Role::Proxy => "front door and control",
        Role::Preview => "the idle listener",
        Role::Prober => "probes, and owns the switch",
        Role::Watcher => "another watcher",
        Role::Heartbeat(_) => "beside the app",
        Role::Instances(_) => "as the engine knows them",
        Role::Up => "supervises this machine",
        Role::Engine => "runs the containers",
        Role::Nodes => "of the Swarm",
        _ => "",
    }
}
