//! `[[channel]]`.

use std::time::Duration;

use crate::settings::{Secret, Section};

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
    /// E-mail by SMTP.
    Email(EmailSettings),
    /// An HTTP POST by the Standard Webhooks scheme.
    Webhook {
        /// Its URL.
        url: Secret,
        /// Signs what is sent, if given.
        signing_key: Option<Secret>,
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
    /// The secrets that it names.
    pub fn secrets(&mut self) -> Vec<&mut Secret> {
        match self {
            Self::Slack { url } => vec![url],
            Self::Webhook { url, signing_key } => std::iter::once(url).chain(signing_key).collect(),
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
        let kind = section.text_required("kind");
        let kind = match kind.as_str() {
            "slack" => ChannelKind::Slack { url: required(&mut section, "url") },
            "webhook" => ChannelKind::Webhook { url: required(&mut section, "url"), signing_key: section.secret("signing_key") },
            "email" => ChannelKind::Email(EmailSettings::read(&mut section)),
            other => {
                if !other.is_empty() {
                    section.error("kind", format!("\"{other}\" is not known: one of slack, email, webhook"));
                }
                // So that the keys of a channel of unknown kind are not called unknown as well.
                for key in ["url", "signing_key", "password"] {
                    let _ = section.secret(key);
                }
                ChannelKind::Slack { url: Secret::Plain(String::new()) }
            }
        };
        let settings = Self {
            name,
            kind,
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

fn required(section: &mut Section<'_>, key: &'static str) -> Secret {
    section.secret(key).unwrap_or_else(|| {
        section.error(key, "is missing");
        Secret::Plain(String::new())
    })
}
