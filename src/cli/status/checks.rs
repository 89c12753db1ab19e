//! The parts, and whatever of the user's own is expected: each with the age of its last beat.

use super::sight::{Health, Sight};
use crate::cli::screen::{Paint, fitted, width, wrapped};
use crate::domain::check::Status;
use crate::domain::moment::age;
use crate::domain::role::Role;
use crate::monitor::overview::CheckView;

/// So many of the user's own that do well are named; the others are counted.
const NAMED: usize = 24;

/// `  parts     ● proxy 1s   ● prober 1s   ✖ heartbeat-green 2m`
pub(super) fn lines(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(overview) = sight.watcher else { return Vec::new() };
    let (mut own, built_in): (Vec<_>, Vec<_>) = overview
        .checks
        .iter()
        .filter(|check| !matches!(Role::of(&check.name), Role::Colour(_)))
        .partition(|check| Role::of(&check.name) == Role::Own);
    let mut lines = shapes(sight, "  parts     ", &built_in, paint);
    lines.extend(watchers(sight, paint));
    let mut well = 0;
    own.retain(|check| {
        well += usize::from(Health::of(check.status) == Health::Working);
        Health::of(check.status) != Health::Working || well <= NAMED
    });
    lines.extend(shapes(sight, "  checks    ", &own, paint));
    if well > NAMED {
        lines.push(paint.good(format!("            ● {} more are working", well - NAMED)));
    }
    lines
}

/// Each watcher, as the prober sees it: whether it is well, and when it has last acknowledged a beat.
fn watchers(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let watchers = sight.prober.iter().flat_map(|state| &state.watchers);
    watchers
        .map(|watcher| {
            let health = if watcher.healthy { Health::Working } else { Health::NotWorking };
            let heard = watcher.acknowledged_at.map_or("-".to_owned(), |last| age(sight.now.since(last)));
            let name = fitted(&format!("{} watcher {}", health.shape(), watcher.url), sight.columns.saturating_sub(24));
            format!("            {} {}", health.painted(paint, name), paint.faint(heard))
        })
        .collect()
}

fn shapes(sight: &Sight<'_>, label: &str, checks: &[&CheckView], paint: Paint) -> Vec<String> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for check in checks {
        let health = Health::of(check.status);
        let name = format!("{} {}", health.shape(), fitted(&check.name, 40));
        let heard = check.last_heard.map_or("-".to_owned(), |last| age(sight.now.since(last)));
        let text = format!("{} {}", health.painted(paint, &name), paint.faint(&heard));
        let taken = width(&name) + 1 + width(&heard);
        match lines.last_mut() {
            Some((used, line)) if *used + 3 + taken <= sight.columns => {
                *used += 3 + taken;
                line.push_str(&format!("   {text}"));
            }
            Some(_) | None => {
                let label = if lines.is_empty() { label.to_owned() } else { " ".repeat(width(label)) };
                lines.push((width(&label) + taken, format!("{label}{text}")));
            }
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Who has said nothing although it was time.
pub(super) fn silent(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(overview) = sight.watcher else { return Vec::new() };
    let overdue = overview.checks.iter().filter(|check| matches!(check.status, Status::Late | Status::New));
    let told = |check: &CheckView| match check.last_heard {
        Some(last) => format!("{} (last heard {} ago)", check.name, age(sight.now.since(last))),
        None => format!("{} (never heard)", check.name),
    };
    let names: Vec<String> = overdue.map(told).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let shown = names.len().min(NAMED);
    let more = if names.len() > shown { format!(", and {} more", names.len() - shown) } else { String::new() };
    let lines = wrapped("  silent    ", &format!("{}{more}", names[..shown].join(", ")), sight.columns);
    lines.into_iter().map(|line| paint.poor(line)).collect()
}
