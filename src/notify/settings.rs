//! `[[channel]]`.

use std::time::Duration;

use crate::settings::{Secret, Section, words};

/// Where PagerDuty takes events, but for its customers in the EU.
const PAGERDUTY: &str = "https://events.pagerduty.com";
/// Where Slack takes calls of bots.
const SLACK: &str = "https://slack.com/api";
const KINDS: &str = "slack, email, webhook, alertmanager, pagerduty, ntfy, command";

/// `[[channel]]`: somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Its name, unique.
    pub name: String,
    /// What it is and where it leads.
    pub kind: ChannelKind,
    /// The channel that gets what this one does not take. Default: all others.
    pub fallback: Option<String>,
    /// How often the channel is told that all's well with it. Default: never.
    pub say: Option<Duration>,
    /// How long one attempt may take. Default: 10 s.
    pub timeout: Duration,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// An incoming webhook of Slack.
    Slack {
        /// Its URL.
        url: Secret,
    },
    /// A channel of Slack, by a bot's token: what follows an alarm stands in its thread.
    SlackBot {
        /// The bot's token.
        token: Secret,
        /// The channel's id.
        channel: String,
        /// Where Slack takes calls. Default: `https://slack.com/api`.
        api: String,
    },
    /// E-mail by SMTP.
    Email(EmailSettings),
    /// An HTTP POST by the Standard Webhooks scheme.
    Webhook {
        /// Its URL.
        url: Secret,
        /// Signs what is sent, if given.
        signing_key: Option<Secret>,
    },
    /// Alertmanager's API v2.
    Alertmanager {
        /// Where it is, without `/api/v2/alerts`.
        url: Secret,
    },
    /// PagerDuty's Events API v2.
    PagerDuty {
        /// The integration's key.
        routing_key: Secret,
        /// Where it is, without `/v2/enqueue`. Default: `https://events.pagerduty.com`.
        url: String,
    },
    /// A command of the user's own.
    Command {
        /// The program and its arguments; no shell.
        words: Vec<String>,
    },
    /// A topic of an ntfy server.
    Ntfy {
        /// The topic's URL.
        url: Secret,
        /// An access token, if the topic needs one.
        token: Option<Secret>,
    },
}

/// Where e-mail goes and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailSettings {
    /// The SMTP server, `host:port`.
    pub server: String,
    /// How the connection is secured. Default: `starttls`.
    pub tls: EmailTls,
    /// The user who signs in, if any.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
    /// The sender's address.
    pub from: String,
    /// The receivers' addresses.
    pub to: Vec<String>,
}

/// How an SMTP connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailTls {
    /// Upgraded by STARTTLS; refused where the server has none.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all: for a server on the same machine.
    None,
}

impl ChannelKind {
    fn read(section: &mut Section<'_>) -> Self {
        let kind = section.text_required("kind");
        match kind.as_str() {
            "slack" => slack(section),
            "webhook" => Self::Webhook { url: required(section, "url"), signing_key: section.secret("signing_key") },
            "email" => Self::Email(EmailSettings::read(section)),
            "alertmanager" => Self::Alertmanager { url: required(section, "url") },
            "pagerduty" => Self::PagerDuty { routing_key: required(section, "routing_key"), url: section.text_or("url", PAGERDUTY) },
            "command" => Self::Command { words: command(section) },
            "ntfy" => Self::Ntfy { url: required(section, "url"), token: section.secret("token") },
            other => {
                if !other.is_empty() {
                    section.error("kind", format!("\"{other}\" is not known: one of {KINDS}"));
                }
                // So that the keys of a channel of unknown kind are not called unknown as well.
                for key in ["url", "signing_key", "password", "routing_key", "token"] {
                    let _ = section.secret(key);
                }
                Self::Slack { url: Secret::Plain(String::new()) }
            }
        }
    }

    /// The secrets that it names.
    pub fn secrets(&mut self) -> Vec<&mut Secret> {
        match self {
            Self::Slack { url } | Self::Alertmanager { url } => vec![url],
            Self::Webhook { url, signing_key: key } | Self::Ntfy { url, token: key } => std::iter::once(url).chain(key).collect(),
            Self::PagerDuty { routing_key: secret, .. } | Self::SlackBot { token: secret, .. } => vec![secret],
            Self::Command { .. } => Vec::new(),
            Self::Email(email) => email.password.iter_mut().collect(),
        }
    }
}

impl ChannelSettings {
    /// Reads one `[[channel]]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let name = section.text_required("name");
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            section.error("name", "may have letters, digits, dots, dashes and underscores");
        }
        let settings = Self {
            name,
            kind: ChannelKind::read(&mut section),
            fallback: section.text("fallback"),
            say: section.duration("say"),
            timeout: section.duration_or("timeout", Duration::from_secs(10)),
        };
        section.finish();
        settings
    }
}

impl EmailSettings {
    fn read(section: &mut Section<'_>) -> Self {
        let words = [("starttls", EmailTls::Starttls), ("tls", EmailTls::Tls), ("none", EmailTls::None)];
        let settings = Self {
            server: section.text_required("server"),
            tls: section.one_of("tls", &words).unwrap_or(EmailTls::Starttls),
            user: section.text("user"),
            password: section.secret("password"),
            from: section.text_required("from"),
            to: section.texts("to"),
        };
        if settings.to.is_empty() {
            section.error("to", "is missing: who is to be told?");
        }
        if settings.user.is_some() != settings.password.is_some() {
            section.error("user", "and password go together");
        }
        settings
    }
}

/// An incoming webhook, or a bot's token and a channel.
fn slack(section: &mut Section<'_>) -> ChannelKind {
    let api = section.text_or("api", SLACK);
    match (section.secret("token"), section.text("channel")) {
        (Some(token), Some(channel)) => {
            if section.is_given("url") {
                section.error("url", "give url, or token and channel");
                let _ = section.secret("url");
            }
            ChannelKind::SlackBot { token, channel, api }
        }
        (None, None) => ChannelKind::Slack { url: required(section, "url") },
        (Some(_), None) | (None, Some(_)) => {
            section.error("token", "and channel go together");
            let _ = section.secret("url");
            ChannelKind::Slack { url: Secret::Plain(String::new()) }
        }
    }
}

fn required(section: &mut Section<'_>, key: &'static str) -> Secret {
    section.secret(key).unwrap_or_else(|| {
        section.error(key, "is missing");
        Secret::Plain(String::new())
    })
}

fn command(section: &mut Section<'_>) -> Vec<String> {
    let text = section.text_required("command");
    match words(&text) {
        Ok(words) => {
            if words.is_empty() && !text.is_empty() {
                section.error("command", "has no words: which program is to be run?");
            }
            words
        }
        Err(error) => {
            section.error("command", error);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (Vec<ChannelKind>, Vec<String>) {
        let document = Document::parse(text);
        let mut root = document.root();
        let kinds = root.sections("channel").into_iter().map(|section| ChannelSettings::read(section).kind).collect();
        drop(root);
        let (errors, _, _) = document.finish();
        (kinds, errors.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn each_further_kind_is_read_and_its_secrets_are_known_as_such() {
        let text = r#"
            [[channel]]
            name = "alerts"
            kind = "alertmanager"
            url = { env = "A" }
            [[channel]]
            name = "pager"
            kind = "pagerduty"
            routing_key = { env = "P" }
            [[channel]]
            name = "phone"
            kind = "ntfy"
            url = { env = "U" }
            token = { env = "T" }
            [[channel]]
            name = "script"
            kind = "command"
            command = "./tell.sh 'a b'""#;
        let env = |name: &str| Secret::Env(name.to_owned());
        let (mut kinds, errors) = read(text);
        assert_eq!(errors, Vec::<String>::new());
        let secrets: Vec<Vec<Secret>> =
            kinds.iter_mut().map(|kind| kind.secrets().into_iter().map(|secret| secret.clone()).collect()).collect();
        assert_eq!(secrets, [vec![env("A")], vec![env("P")], vec![env("U"), env("T")], vec![]]);
        assert_eq!(kinds[1], ChannelKind::PagerDuty { routing_key: env("P"), url: "https://events.pagerduty.com".into() });
        assert_eq!(kinds[3], ChannelKind::Command { words: vec!["./tell.sh".into(), "a b".into()] });
    }

    #[test]
    fn what_a_kind_lacks_is_told_and_what_it_does_not_know_too() {
        for (text, expected) in [
            ("kind = \"alertmanager\"", "url: is missing"),
            ("kind = \"pagerduty\"", "routing_key: is missing"),
            ("kind = \"ntfy\"", "url: is missing"),
            ("kind = \"command\"", "command: is missing"),
            ("kind = \"command\"\ncommand = \" \"", "has no words"),
            ("kind = \"command\"\ncommand = \"a 'b\"", "has a quote that does not end"),
            ("kind = \"ntfy\"\nurl = \"http://h/t\"\nrouting_key = \"x\"", "routing_key"),
            ("kind = \"telegraph\"\ntoken = \"x\"", "one of slack, email, webhook, alertmanager, pagerduty, ntfy, command"),
        ] {
            let (_, errors) = read(&format!("[[channel]]\nname = \"x\"\n{text}"));
            assert!(errors.len() == 1 && errors[0].contains(expected), "{text}: {errors:?}");
        }
    }
}
