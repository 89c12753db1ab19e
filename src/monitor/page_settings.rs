//! `[page]` and `[public]`: who sees what of the watcher's page.

use std::time::Duration;

use crate::net::network::Network;
use crate::net::tls::TlsFiles;
use crate::settings::{Section, address};

/// `[page]`: who may come in besides whoever is on this machine, and has the watcher's token or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSettings {
    /// How long a sign-in lasts. Default: 7 d.
    pub sign_in: Duration,
    /// The header in which a trusted proxy says whom it has signed in. Default: none.
    pub user_header: Option<String>,
    /// The proxies that are believed. Default: none.
    pub trusted: Vec<Network>,
}

/// `[public]`: what anybody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicSettings {
    /// The checks that are shown. Default: none, and there is no public view.
    pub checks: Vec<String>,
    /// What stands above them. Default: the app's name.
    pub title: Option<String>,
    /// A listener for the public view alone. Default: none.
    pub listen: Option<String>,
    /// The certificate of that listener. Default: none, it speaks HTTP in the clear.
    pub tls: Option<TlsFiles>,
    /// Where people find it. Default: `watcher.url` and `/public`.
    pub url: Option<String>,
}

impl PageSettings {
    /// Reads `[page]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            sign_in: section.duration_or("sign_in", Duration::from_secs(7 * 86_400)),
            user_header: section.text("user_header").map(|name| name.to_lowercase()),
            trusted: section.all_parsed("trusted"),
        };
        if settings.user_header.is_some() && settings.trusted.is_empty() {
            section.error("user_header", "says whom to believe only together with trusted: the addresses of the proxy that sets it");
        }
        section.finish();
        settings
    }
}

impl PublicSettings {
    /// Reads `[public]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            checks: section.texts("checks"),
            title: section.text("title"),
            listen: address(&mut section, "listen"),
            tls: TlsFiles::read(section.section("tls")),
            url: section.text("url"),
        };
        if settings.checks.is_empty() && section.is_present() && (settings.listen.is_some() || settings.url.is_some()) {
            section.error("checks", "names the checks to show: without one there is no public view");
        }
        if settings.tls.is_some() && settings.listen.is_none() {
            section
                .error("tls", "is the certificate of public.listen, which is not set: watcher.tls is that of the watcher's own listener");
        }
        section.finish();
        settings
    }

    /// Whether there is a public view.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.checks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn wrong(text: &str) -> String {
        let document = Document::parse(text);
        let mut root = document.root();
        PageSettings::read(root.section("page"));
        PublicSettings::read(root.section("public"));
        root.finish();
        document.finish().0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_header_is_believed_from_named_proxies_alone_and_a_public_view_shows_something() {
        assert_eq!(
            wrong("[page]\nuser_header = \"X-User\"\ntrusted = [\"10.0.0.0/8\"]\n[public]\nchecks = [\"site\"]\nlisten = \"[::]:1\"\n"),
            ""
        );
        assert!(wrong("[page]\nuser_header = \"X-User\"\n").contains("only together with trusted"));
        assert!(wrong("[page]\ntrusted = [\"ten\"]\n").contains("page.trusted: \"ten\" is no network"));
        assert!(wrong("[public]\nlisten = \"[::]:1\"\n").contains("names the checks to show"));
        let tls = "[public]\nchecks = [\"site\"]\ntls = { certificate = \"a\", key = \"b\" }\n";
        assert!(wrong(tls).contains("public.listen, which is not set"));
        assert_eq!(wrong(&format!("{tls}listen = \"[::]:1\"\n")), "");
    }
}
