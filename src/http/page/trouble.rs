//! Why there is no such page.

use maud::{Markup, html};

/// What happened, in the user's words.
#[must_use]
pub fn draw(title: &str, words: &str) -> Markup {
    html! {
        div.verdict.weak role="alert" { h1 { (title) } p.reason { (words) } }
        p { a href="/" { "To the overview" } }
    }
}
