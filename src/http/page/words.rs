//! Small pieces that every part of the page uses.

use maud::{Markup, html};

use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::moment::{Moment, humane};

/// The class that gives a status its colour and its shape.
pub(super) fn tone(status: Status) -> &'static str {
    match status {
        Status::Up => "good",
        Status::New | Status::Late | Status::Stopped | Status::Paused => "quiet",
        Status::Failing | Status::Poorly => "weak",
        Status::Down => "bad",
    }
}

/// `4s ago`, with the moment itself for who hovers.
pub(super) fn ago(then: Moment, now: Moment) -> Markup {
    let passed = now.since(then);
    html! {
        time datetime=(then) title=(then) { @if passed.as_millis() < 1_000 { "just now" } @else { (humane(passed)) " ago" } }
    }
}

/// `in 4s`, or `4s overdue`.
pub(super) fn due(then: Moment, now: Moment) -> Markup {
    html! {
        time datetime=(then) title=(then) {
            @if then >= now { "in " (humane(then.since(now))) } @else { (humane(now.since(then))) " overdue" }
        }
    }
}

/// A colour is told by its word and its shape: blue is a disc, green is a square.
pub(super) fn colour(colour: Colour) -> Markup {
    html! { span.colour.(colour) { span.shape aria-hidden="true" {} (colour) } }
}

/// A status in a word with its dot.
pub(super) fn badge(tone: &str, words: &str) -> Markup {
    html! { span.badge.(tone) { (words) } }
}
