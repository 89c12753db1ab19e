//! Who is it?

use maud::{Markup, html};

use super::advice::command;

/// The form. `next`: where to go then; `wrong`: why the last try was refused; `is_plain`: whoever is in between reads along.
#[must_use]
pub fn draw(next: &str, wrong: Option<&str>, is_plain: bool) -> Markup {
    html! {
        h1 { "Sign in" }
        section.sign-in aria-label="Sign in" {
            @if let Some(wrong) = wrong { p.alert role="alert" { (wrong) } }
            @if is_plain { p.empty { "This connection is not encrypted: on a network that others share, come by HTTPS." } }
            form method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                label { "Your name" input name="name" required maxlength="100" autocomplete="username" autofocus; }
                label { "Token" input name="token" type="password" required maxlength="1000" autocomplete="current-password"; }
                button type="submit" { "Sign in" }
            }
            p.aside {
                "The name stands beside what you acknowledge. The token is the watcher’s, or the secret of a " code { "[[key]]" } " of its config; on its host: "
                (command("cat STATE/watcher.token"))
            }
        }
    }
}
