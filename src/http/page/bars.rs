//! The last days as bars: what is wrong is taller, and not only of another colour.

use maud::{Markup, html};

use super::words::lasting;
use crate::domain::days::Day;

/// Of each bar with the gap after it.
const WIDTH: usize = 8;

/// The last days, oldest first. With `linked`, a day with incidents leads to them: `#day-2026-11-25` on the same page.
pub(super) fn bars(days: &[Day], label: &str, linked: bool) -> Markup {
    let width = days.len() * WIDTH - 2;
    html! {
        svg.bars viewBox={ "0 0 " (width) " 32" } role=(if linked { "group" } else { "img" }) aria-label=(label) preserveAspectRatio="none" {
            @for (place, day) in days.iter().enumerate() {
                @if linked && !day.incidents.is_empty() { a href={ "#day-" (date(day)) } aria-label=(title(day)) { (bar(place, day)) } }
                @else { (bar(place, day)) }
            }
        }
        p.span aria-hidden="true" { span { (days.len()) " days ago" } span { "today" } }
    }
}

fn bar(place: usize, day: &Day) -> Markup {
    let (tone, height) = match day {
        day if !day.is_known => ("none", 6),
        day if !day.down.is_zero() => ("bad", 32),
        day if !day.poorly.is_zero() || !day.incidents.is_empty() => ("weak", 26),
        _ => ("good", 18),
    };
    html! {
        rect class=(tone) x=(place * WIDTH) y=(32 - height) width=(WIDTH - 2) height=(height) rx="1" { title { (title(day)) } }
    }
}

/// `2026-11-25`.
pub(super) fn date(day: &Day) -> String {
    day.from.to_utc().format("%Y-%m-%d").to_string()
}

/// What the day was like, in words.
pub(super) fn title(day: &Day) -> String {
    let was = match day {
        day if !day.is_known => "nothing is known".to_owned(),
        day if !day.down.is_zero() => format!("not working for {}", lasting(day.down)),
        day if !day.poorly.is_zero() => format!("doing poorly for {}", lasting(day.poorly)),
        day if !day.incidents.is_empty() => "an incident of a moment".to_owned(),
        _ => "no incident".to_owned(),
    };
    format!("{}: {was}", date(day))
}

/// `99.98%`.
pub(super) fn percent(hundredths: u32) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}
