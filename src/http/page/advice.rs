//! The page does not act on the cluster: beside each state stands the command to type.

use maud::{Markup, html};

use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::role::Role;
use crate::monitor::overview::CheckView;

/// A command to type.
pub(super) fn command(words: &str) -> Markup {
    html! { code.command { (words) } }
}

/// An argument as a shell takes it whole.
pub(super) fn argument(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-@%+=:,/".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// What to type about a colour, as it stands.
pub(super) fn of_colour(colour: Colour, live: Option<Colour>, app: Option<&CheckView>) -> String {
    let other = colour.other();
    let status = app.map_or(Status::New, |check| check.status);
    match (live, status) {
        (None, _) => "allswell live".to_owned(),
        (Some(_), Status::Stopped | Status::New) => format!("allswell deploy {colour}"),
        (Some(_), Status::Paused) => format!("allswell resume {colour}"),
        (Some(live), Status::Down | Status::Poorly) if live == colour => format!("allswell switch {other}"),
        (Some(_), Status::Down | Status::Poorly | Status::Failing) => format!("allswell logs {colour}"),
        (Some(live), Status::Up | Status::Late) if live == colour => format!("allswell deploy {other} --switch"),
        (Some(_), Status::Up | Status::Late) => format!("allswell switch {colour}"),
    }
}

/// What to type about a check, as it stands. None: all's well.
pub(super) fn of_check(check: &CheckView) -> Option<String> {
    let name = argument(&check.name);
    match (Role::of(&check.name), check.status) {
        (_, Status::Up | Status::Late) => None,
        (_, Status::Paused) => Some(format!("allswell resume {name}")),
        (Role::Colour(colour) | Role::Heartbeat(colour) | Role::Instances(colour), Status::Stopped) => {
            Some(format!("allswell deploy {colour}"))
        }
        (Role::Colour(colour) | Role::Heartbeat(colour) | Role::Instances(colour), _) => Some(format!("allswell logs {colour}")),
        (Role::Own, Status::New) => Some("allswell checks".to_owned()),
        (Role::Own, _) => Some(format!("allswell mute {name} --for 1h")),
        (Role::Proxy | Role::Preview | Role::Site, _) => Some("allswell health".to_owned()),
        (Role::Prober | Role::Watcher | Role::Up | Role::Engine | Role::Nodes | Role::Channel | Role::Config | Role::Group, _) => {
            Some("allswell status".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_argument_whatever_it_has() {
        for (name, typed) in
            [("backup", "backup"), ("nightly backup", "'nightly backup'"), ("it's; rm", "'it'\\''s; rm'"), ("", "''"), ("$x", "'$x'")]
        {
            assert_eq!(argument(name), typed);
        }
    }
}
