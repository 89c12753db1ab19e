//! A badge for other people's pages.

use maud::{Markup, html};

use super::public::tone;
use crate::monitor::public::PublicHealth;

/// An SVG: what, and how it is, in a word and a colour.
#[must_use]
pub fn badge(what: &str, health: PublicHealth) -> Markup {
    // Seven units a letter hold the widest of the common fonts.
    let width = |text: &str| text.chars().count() * 7 + 12;
    let (left, right) = (width(what), width(health.as_str()));
    let fill = match tone(health) {
        "good" => "#1f6f54",
        "weak" => "#8a5300",
        "bad" => "#b3261e",
        _ => "#5b6675",
    };
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height="20" role="img" aria-label={ (what) ": " (health.as_str()) } {
            title { (what) ": " (health.as_str()) }
            rect width=(left + right) height="20" rx="3" fill="#2b3038" {}
            path d={ "M" (left) " 0h" (right - 3) "a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-" (right - 3) "z" } fill=(fill) {}
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                text x="6" y="14" textLength=(left - 12) lengthAdjust="spacingAndGlyphs" { (what) }
                text x=(left + 6) y="14" textLength=(right - 12) lengthAdjust="spacingAndGlyphs" { (health.as_str()) }
            }
        }
    }
}
