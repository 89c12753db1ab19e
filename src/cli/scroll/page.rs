//! The demo's page: a night's watch, from dusk to dawn.

use maud::{DOCTYPE, html};

/// The page's style.
pub(super) const STYLE: &str = include_str!("app.css");
/// The page's script.
pub(super) const SCRIPT: &str = include_str!("app.js");

/// The hours of the watch: the time, the cry, and what the watchman sees.
const HOURS: [(&str, &str, &str); 12] = [
    (
        "20:00",
        "Eight of the clock",
        "The lamps are lit. Two houses stand side by side, one blue and one green, alike to the last brick. Tonight one of them has its doors open.",
    ),
    ("21:00", "Nine of the clock", "Guests come and go. Nobody asks which house they are in, and that is how it should be."),
    ("22:00", "Ten of the clock", "In the other house the carpenters are at work. Their hammers are heard by nobody: no guest is in it."),
    ("23:00", "Eleven of the clock", "The new staircase is up. The watchman walks it three times, top to bottom, before he says a word."),
    (
        "00:00",
        "Midnight",
        "Between one stroke of the bell and the next, the lantern moves from one door to the other. Whoever was inside finishes the dance. Whoever comes now comes to the other house.",
    ),
    ("01:00", "One of the clock", "The cry is heard at every hour. The town sleeps because of the cry, and not because of the walls."),
    (
        "02:00",
        "Two of the clock",
        "A shutter bangs. The watchman does not guess: he goes and looks, twice, and then he knocks at the mayor's.",
    ),
    (
        "03:00",
        "Three of the clock",
        "If the cry ever stops, somebody in the next street counts to three and comes running. That is the whole art of it.",
    ),
    (
        "04:00",
        "Four of the clock",
        "Who watches the watchman? The other watchman, two streets on, and somebody beyond the hill who expects a letter every morning.",
    ),
    (
        "05:00",
        "Five of the clock",
        "The first house is dark, swept, and still warm. Should the new stairs creak, its doors open again before anyone has turned round.",
    ),
    ("06:00", "Six of the clock", "The baker lights his oven. Nothing has happened all night, and somebody made sure of it."),
    ("07:00", "Seven of the clock", "The sun is up. Everyone who reads this page is at this very line: scroll, and they scroll with you."),
];

/// The page, for one colour and version.
pub(super) fn page(colour: &str, version: &str) -> String {
    html! {
        (DOCTYPE)
        html lang="en" data-colour=(colour) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark";
                title { "All's well: " (colour) }
                link rel="stylesheet" href="/app.css";
                link rel="icon" href="data:,";
                script src="/app.js" defer {}
            }
            body {
                div #sky aria-hidden="true" { div #stars {} div #moon {} div #sun {} }
                header {
                    strong #colour { (colour) }
                    span #version { (version) }
                    span #viewers aria-live="polite" { "alone" }
                    span #link .off title="the connection that keeps everyone in step" {}
                }
                main {
                    section .cover {
                        h1 { "All's well" }
                        p { "Open this page twice and scroll one of them." }
                        p .hint aria-hidden="true" { "↓" }
                    }
                    @for (time, cry, story) in HOURS {
                        section .hour {
                            time { (time) }
                            h2 { (cry) ", and all's well" }
                            p { (story) }
                        }
                    }
                    footer { p { "Good morning." } }
                }
            }
        }
    }
    .into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_its_colour_and_version_and_escapes_them() {
        let page = page("blue", "<b>2");
        assert!(page.contains(r#"data-colour="blue""#));
        assert!(page.contains("&lt;b&gt;2") && !page.contains("<b>2"));
    }
}
