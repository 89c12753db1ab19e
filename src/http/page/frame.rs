//! What every page has around it.

use maud::{DOCTYPE, Markup, html};

use super::assets::{SCRIPT_PATH, STYLE_PATH};
use super::words::whole;
use crate::domain::moment::Moment;

/// Which page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Everything at a glance.
    Overview,
    /// The list of checks, or one of them.
    Checks,
    /// The list of incidents, or one of them.
    Incidents,
    /// Switches, deploys, scales and stops.
    Switches,
    /// None of them.
    Aside,
}

/// Who looks at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// Their name, where they have signed in.
    pub name: Option<String>,
    /// Whether they may acknowledge and mute.
    pub acts: bool,
}

/// What every page has around it.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The app's name.
    pub app: &'a str,
    /// What the browser's tab says before the app's name.
    pub title: String,
    /// Which page it is.
    pub place: Place,
    /// Who looks at it.
    pub who: &'a Who,
    /// When it was drawn.
    pub now: Moment,
}

const PAGES: [(Place, &str, &str); 4] = [
    (Place::Overview, "/", "Overview"),
    (Place::Checks, "/checks", "Checks"),
    (Place::Incidents, "/incidents", "Incidents"),
    (Place::Switches, "/switches", "Switches"),
];

impl Frame<'_> {
    /// The whole page.
    #[must_use]
    pub fn around(&self, main: &Markup) -> Markup {
        let is_live = self.place != Place::Aside;
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    (head(&format!("{} · {}", self.title, self.app)))
                    @if is_live {
                        script src=(*SCRIPT_PATH) defer {}
                        // Without a script, the browser asks again by itself.
                        @if self.place == Place::Overview { noscript { meta http-equiv="refresh" content="10"; } }
                    }
                }
                body data-now=(self.now) data-events=[is_live.then_some("/events")] {
                    a.skip href="#main" { "To the content" }
                    header.top {
                        p.app { a href="/" { (self.app) } }
                        nav aria-label="Pages" { ul {
                            @for (place, path, words) in PAGES { li {
                                a href=(path) aria-current=[(place == self.place).then_some("page")] { (words) }
                            } }
                        } }
                        div.who {
                            p #fresh .fresh { "as of " (self.now.to_utc().format("%H:%M:%S UTC")) }
                            (self.visitor())
                        }
                    }
                    main #main tabindex="-1" { (main) }
                    footer { p { "allswell " (env!("CARGO_PKG_VERSION")) ". Drawn " time datetime=(self.now) { (whole(self.now)) } "; all times are UTC." } }
                }
            }
        }
    }

    fn visitor(&self) -> Markup {
        html! {
            @match &self.who.name {
                Some(name) => {
                    form method="post" action="/sign-out" { span.name { (name) } " " button.plain type="submit" { "Sign out" } }
                }
                None => { @if self.place != Place::Aside { a href="/sign-in" { "Sign in" } } }
            }
        }
    }
}

/// The head of a page, ours or the public's.
pub(super) fn head(title: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        title { (title) }
        link rel="icon" href="/icon.svg" type="image/svg+xml";
        link rel="stylesheet" href=(*STYLE_PATH);
    }
}
