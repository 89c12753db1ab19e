//! The words that all channels share: what, since when, which colour and whether it is live, why, and what to look at.

use crate::domain::moment::humane;
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::plain::{one_line, plain};
use crate::domain::role::Role;

/// Longer reasons are cut: a channel's message is for reading.
const LONGEST_REASON: usize = 2_500;

/// What a notice says, in the order in which it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// What: one line.
    pub(super) headline: String,
    /// Short facts: a label and its value, both our own words.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Why. May be anything that an app has said.
    pub(super) reason: String,
    /// The other checks that the same fault explains.
    pub(super) also: Vec<String>,
    /// The status page.
    pub(super) url: Option<String>,
    /// The command to type.
    pub(super) command: String,
}

impl Message {
    /// The words of a notice.
    pub(super) fn of(notice: &Notice) -> Self {
        Self {
            headline: one_line(&notice.headline()).into_owned(),
            facts: vec![("Since", since(notice)), ("Colour", colour(notice)), ("Severity", notice.subject.severity.to_string())],
            reason: cut(&notice.reason, LONGEST_REASON),
            also: notice.also.iter().map(|check| one_line(check).into_owned()).collect(),
            url: notice.url.clone(),
            command: command(notice),
        }
    }

    /// The words as plain text, without the headline.
    pub(super) fn text(&self) -> String {
        let mut lines: Vec<String> = self.facts.iter().map(|(label, value)| format!("{label}: {value}")).collect();
        lines.push(format!("Why: {}", self.reason));
        if !self.also.is_empty() {
            lines.push(format!("Also: {}", self.also.join(", ")));
        }
        let look = self.url.iter().map(|url| format!("Look: {url}"));
        lines.extend(look);
        lines.push(format!("Type: {}", self.command));
        lines.join("\n")
    }
}

fn since(notice: &Notice) -> String {
    let lasted = notice.at.since(notice.since);
    match notice.duration_seconds {
        Some(seconds) => format!("{}, lasted {}", notice.since, humane(std::time::Duration::from_secs(seconds))),
        None if lasted.is_zero() => notice.since.to_string(),
        None => format!("{}, for {}", notice.since, humane(lasted)),
    }
}

fn colour(notice: &Notice) -> String {
    let live = notice.subject.live;
    match (notice.subject.colour, live) {
        (Some(colour), Some(live)) if colour == live => format!("{colour}, live"),
        (Some(colour), Some(live)) => format!("{colour}, idle ({live} is live)"),
        (Some(colour), None) => format!("{colour} (the live colour is undefined)"),
        (None, Some(live)) => format!("{live} is live"),
        (None, None) => "the live colour is undefined".to_owned(),
    }
}

fn command(notice: &Notice) -> String {
    let check = notice.subject.check.as_str();
    match (notice.kind, Role::of(check)) {
        (NoticeKind::SwitchDone | NoticeKind::SwitchReverted, _) => "allswell history".to_owned(),
        (_, Role::Colour(colour) | Role::Heartbeat(colour) | Role::Instances(colour)) => format!("allswell logs {colour}"),
        (_, Role::Channel) => match check.strip_prefix("channel-").filter(|name| is_bare(name)) {
            Some(name) => format!("allswell test-channel {name}"),
            None => "allswell status".to_owned(),
        },
        (_, Role::Config) => "allswell validate".to_owned(),
        (_, Role::Nodes) => "docker node ls".to_owned(),
        (
            _,
            Role::Proxy | Role::Preview | Role::Site | Role::Prober | Role::Watcher | Role::Up | Role::Engine | Role::Group | Role::Own,
        ) => "allswell status".to_owned(),
    }
}

/// Whether a name can stand in a command as it is.
fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// At most so many characters, and a sign where some are missing. Line breaks stay.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = text.replace("\r\n", "\n");
    let text = plain(&text);
    let mut short: String = text.chars().take(most).collect();
    if text.chars().nth(most).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::check::Status;
    use crate::domain::colour::Colour;
    use crate::domain::incident::Severity;
    use crate::domain::moment::Moment;
    use crate::domain::notice::Subject;
    use std::time::Duration;

    /// Blue, which is live, has been down for 12 s.
    pub(in crate::notify) fn notice() -> Notice {
        let since = Moment::from_millis(1_795_410_000_000);
        Notice {
            key: "blue-1795410000000/check.down/ops".into(),
            kind: NoticeKind::CheckDown,
            at: since + Duration::from_secs(12),
            subject: Subject {
                incident: "blue-1795410000000".into(),
                app: "shop".into(),
                check: "blue".into(),
                status: Status::Down,
                severity: Severity::Critical,
                colour: Some(Colour::Blue),
                live: Some(Colour::Blue),
            },
            since,
            reason: "connection refused (3 times in a row)".into(),
            duration_seconds: None,
            also: vec!["heartbeat-blue".into(), "site".into()],
            url: Some("http://127.0.0.1:7700/".into()),
        }
    }

    #[test]
    fn a_message_says_what_since_when_which_colour_why_and_what_to_look_at() {
        let message = Message::of(&notice());
        assert_eq!(message.headline, "shop: blue (live) is not working");
        assert_eq!(
            message.text(),
            "Since: 2026-11-23T05:00:00.000Z, for 12s\nColour: blue, live\nSeverity: critical\nWhy: connection refused (3 times in a row)\n\
             Also: heartbeat-blue, site\nLook: http://127.0.0.1:7700/\nType: allswell logs blue"
        );
    }

    #[test]
    fn a_resolution_says_how_long_it_lasted() {
        let resolved = Notice { kind: NoticeKind::CheckResolved, duration_seconds: Some(725), ..notice() };
        assert!(Message::of(&resolved).text().starts_with("Since: 2026-11-23T05:00:00.000Z, lasted 12m 5s\n"));
    }

    #[test]
    fn an_undefined_live_colour_is_never_guessed() {
        let mut undefined = notice();
        undefined.subject.live = None;
        assert!(Message::of(&undefined).text().contains("Colour: blue (the live colour is undefined)"));
        undefined.subject.live = Some(Colour::Green);
        assert!(Message::of(&undefined).text().contains("Colour: blue, idle (green is live)"));
    }

    #[test]
    fn the_command_to_type_fits_the_check_and_has_no_words_of_others_in_it() {
        for (check, kind, command) in [
            ("heartbeat-green", NoticeKind::CheckDown, "allswell logs green"),
            ("proxy", NoticeKind::CheckDown, "allswell status"),
            ("nightly backup", NoticeKind::CheckDown, "allswell status"),
            ("channel-mail", NoticeKind::ChannelDead, "allswell test-channel mail"),
            ("channel-x; rm -rf /", NoticeKind::ChannelDead, "allswell status"),
            ("blue", NoticeKind::SwitchReverted, "allswell history"),
        ] {
            let mut about = Notice { kind, ..notice() };
            about.subject.check = check.into();
            assert_eq!(Message::of(&about).command, command);
        }
    }

    #[test]
    fn long_reasons_are_cut_and_headlines_stay_one_line() {
        let mut long = Notice { reason: "é".repeat(9_000), ..notice() };
        long.subject.app = "shop\r\nBcc: all\u{202e}".into();
        let message = Message::of(&long);
        assert_eq!(message.reason.chars().count(), LONGEST_REASON + 1);
        assert!(!message.headline.contains(['\r', '\n', '\u{202e}']), "{}", message.headline);
        assert_eq!(cut("one\r\ntwo\u{1b}[2J", 20), "one\ntwo␛[2J");
    }
}
