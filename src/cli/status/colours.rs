//! Both colours: a line each, and one for each instance that is not well.

use super::sight::{Health, Sight};
use crate::cli::screen::{Paint, cell, fitted, width};
use crate::domain::beat::Showing;
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::moment::age;
use crate::monitor::overview::{CheckView, InstancesView};

/// A version is shown in full up to so many columns; from `WIDE` columns of the terminal on, a whole commit fits.
const VERSION: std::ops::RangeInclusive<usize> = 12..=16;
const WIDE: usize = 110;
const WIDE_VERSION: usize = 50;
/// Name, standing and health of a colour, and the blanks around them.
const BEFORE: usize = 2 + 5 + 2 + 4 + 2 + 14;

pub(super) fn lines(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let most = if sight.columns >= WIDE { WIDE_VERSION } else { *VERSION.end() };
    let widest = Colour::BOTH.into_iter().map(|colour| width(&version(sight, colour))).max().unwrap_or(0);
    let room = widest.clamp(*VERSION.start(), most);
    let of = |colour| std::iter::once(line(sight, colour, room, paint)).chain(absent(sight, colour, paint));
    Colour::BOTH.into_iter().flat_map(of).collect()
}

/// `  blue   LIVE  ● working       version 1.2    1 instance    12ms, 1s ago`
fn line(sight: &Sight<'_>, colour: Colour, room: usize, paint: Paint) -> String {
    let standing = match sight.live() {
        Some(live) if live == colour => "LIVE",
        Some(_) => "idle",
        None => "",
    };
    let check = sight.check(colour.as_str());
    let (health, why) = health_of(sight, colour, check);
    let tail = format!("  {}  {}  {why}", cell(&version(sight, colour), room), cell(&counted(sight, colour), 11));
    format!(
        "  {}  {}  {}{}",
        paint.colour(colour, cell(colour.as_str(), 5)),
        paint.strong(cell(standing, 4)),
        health.painted(paint, cell(health.words(), 14)),
        fitted(tail.trim_end(), sight.columns - BEFORE)
    )
}

/// `3 instances`, `2 of 3 well`.
fn counted(sight: &Sight<'_>, colour: Colour) -> String {
    if let Some(counted) = instances(sight, colour).filter(|counted| counted.well < counted.expected) {
        return format!("{} of {} well", counted.well, counted.expected);
    }
    let running = sight.up.map(|up| up.colour(colour).filter(|instance| instance.running).count());
    let beating = instances(sight, colour).and_then(|counted| usize::try_from(counted.well).ok());
    let count = running.or(beating);
    count.map_or(String::new(), |count| format!("{count} {}", if count == 1 { "instance" } else { "instances" }))
}

/// A line for each instance that is not well, where several are expected.
fn absent(sight: &Sight<'_>, colour: Colour, paint: Paint) -> Vec<String> {
    let Some(counted) = instances(sight, colour).filter(|counted| counted.expected > 1) else { return Vec::new() };
    let troubled = counted.known.iter().filter(|instance| instance.status.is_trouble());
    let mut lines: Vec<String> = troubled
        .map(|instance| {
            let why = instance.reason.as_deref().unwrap_or(&instance.health);
            paint.poor(fitted(&format!("         ✖ {}: {why}", instance.name), sight.columns))
        })
        .collect();
    match counted.unknown() {
        0 => {}
        count => lines.push(paint.faint(format!("         ? {count} more expected and never heard"))),
    }
    lines
}

fn instances<'a>(sight: &Sight<'a>, colour: Colour) -> Option<&'a InstancesView> {
    sight.check(&format!("heartbeat-{colour}"))?.instances.as_ref()
}

/// The watcher decides how a colour does; where it is silent, the prober's last probe.
fn health_of(sight: &Sight<'_>, colour: Colour, check: Option<&CheckView>) -> (Health, String) {
    if let Some(check) = check {
        return (Health::of(check.status), said(sight, check));
    }
    if sight.prober.ok().and_then(|state| state.expected).is_some_and(|expected| expected.of(colour) == 0) {
        return (Health::Stopped, String::new());
    }
    let target = sight.prober.ok().and_then(|state| state.targets.iter().find(|target| target.name == colour.as_str()));
    match target.and_then(|target| target.last.as_ref()) {
        Some(last) => {
            let health = match last.showing {
                Showing::Good => Health::Working,
                Showing::Slow => Health::Poorly,
                Showing::Bad | Showing::Exited => Health::NotWorking,
            };
            (health, last.reason.clone().unwrap_or_else(|| format!("{}ms", last.latency_ms)))
        }
        None => (Health::Unknown, String::new()),
    }
}

/// How the last beat was and how old it is; why, where it was not good.
fn said(sight: &Sight<'_>, check: &CheckView) -> String {
    let heard = check.last_heard.map(|last| format!("{} ago", age(sight.now.since(last))));
    let latency = check.latency_ms.map(|latency| format!("{latency}ms"));
    let well = || [latency, heard].into_iter().flatten().collect::<Vec<_>>().join(", ");
    match (&check.reason, check.status) {
        (Some(reason), Status::Failing) => format!("{}: {reason}", check.health),
        (None, Status::Failing) => check.health.clone(),
        (_, Status::Up) | (None, _) => well(),
        (Some(reason), _) => reason.clone(),
    }
}

/// `version 1.2`; empty where nobody knows it.
fn version(sight: &Sight<'_>, colour: Colour) -> String {
    let running = sight.up.and_then(|up| up.colour(colour).find_map(|instance| instance.version.clone()));
    let of_check = |name: &str| sight.check(name).and_then(|check| check.version.clone());
    let version = running.or_else(|| of_check(colour.as_str())).or_else(|| of_check(&format!("heartbeat-{colour}")));
    version.map_or(String::new(), |version| format!("version {version}"))
}
