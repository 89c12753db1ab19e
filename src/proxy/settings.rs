//! `[proxy]`.

use std::net::IpAddr;
use std::time::Duration;

use crate::domain::colour::Colour;
use crate::net::listen::beside;
use crate::settings::Section;

/// `[proxy]`: what stands in front of both colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// Which proxy. Default: `embedded`.
    pub kind: ProxyKind,
    /// The public listener, on the live colour. Default: `0.0.0.0:8000`.
    pub live: String,
    /// The preview listener, on the idle colour. Default: `127.0.0.1:8080`.
    pub idle: String,
    /// `/healthz` and `/metrics`. Default: `127.0.0.1:7702`.
    pub health: String,
    /// The live colour where no state was ever written. Default: `blue`.
    pub first_live: Colour,
    /// Peers whose `X-Forwarded-*` is believed. Default: none.
    pub trusted: Vec<IpAddr>,
    /// The host by which prober and command line find both listeners. Default: none, they stand beside the proxy.
    pub reach: Option<String>,
    /// How often the names of both colours' addresses are looked up anew. Default: 1 s.
    pub resolve: Duration,
    /// How long a stage may take.
    pub timeouts: ProxyTimeouts,
}

/// Which proxy is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// Ours.
    Embedded,
}

/// How long a stage of a proxied request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyTimeouts {
    /// Until the client's request header is complete. Default: 30 s.
    pub header_read: Duration,
    /// Until the app has accepted the connection. Default: 5 s.
    pub connect: Duration,
    /// Until the app's response header is there. Default: 60 s.
    pub response_header: Duration,
    /// Between two pieces of a body or a WebSocket. Default: 10 min.
    pub idle: Duration,
}

impl ProxySettings {
    /// Reads `[proxy]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let colours = [("blue", Colour::Blue), ("green", Colour::Green)];
        let settings = Self {
            kind: section.one_of("kind", &[("embedded", ProxyKind::Embedded)]).unwrap_or(ProxyKind::Embedded),
            live: section.text_or("live", "0.0.0.0:8000"),
            idle: section.text_or("idle", "127.0.0.1:8080"),
            health: section.text_or("health", "127.0.0.1:7702"),
            first_live: section.one_of("first_live", &colours).unwrap_or(Colour::Blue),
            trusted: section.texts("trusted").iter().filter_map(|text| trusted(&section, text)).collect(),
            reach: section.text("reach"),
            resolve: section.duration_or("resolve", Duration::from_secs(1)),
            timeouts: ProxyTimeouts {
                header_read: section.duration_or("header_read_timeout", Duration::from_secs(30)),
                connect: section.duration_or("connect_timeout", Duration::from_secs(5)),
                response_header: section.duration_or("response_header_timeout", Duration::from_secs(60)),
                idle: section.duration_or("idle_timeout", Duration::from_secs(600)),
            },
        };
        settings.check_reach(&section);
        section.finish();
        settings
    }

    /// Where prober and command line find a listener: `live` or `idle`.
    #[must_use]
    pub fn found_at(&self, listen: &str) -> String {
        match (&self.reach, listen.rsplit_once(':')) {
            (Some(host), Some((_, port))) => format!("{host}:{port}"),
            (None, _) | (_, None) => beside(listen),
        }
    }

    /// Whoever is elsewhere does not find a listener on the loopback address.
    fn check_reach(&self, section: &Section<'_>) {
        let Some(host) = &self.reach else { return };
        if host.contains(['/', ' ']) || (host.contains(':') && !host.starts_with('[')) {
            return section.error("reach", format!("\"{host}\" is not a host: give it without a scheme and without a port"));
        }
        for (key, listen) in [("live", &self.live), ("idle", &self.idle)] {
            if is_loopback(listen) && !is_loopback(&format!("{host}:0")) {
                let port = listen.rsplit_once(':').map_or("PORT", |(_, port)| port);
                section.error("reach", format!("{host} cannot be found where proxy.{key} is {listen}: set {key} = \"0.0.0.0:{port}\""));
            }
        }
    }
}

fn is_loopback(at: &str) -> bool {
    at.rsplit_once(':').is_some_and(|(host, _)| {
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn trusted(section: &Section<'_>, text: &str) -> Option<IpAddr> {
    text.parse().map_err(|_| section.error("trusted", format!("\"{text}\" is not an IP address"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (ProxySettings, Vec<String>) {
        let document = Document::parse(text);
        let settings = ProxySettings::read(document.root());
        let (errors, ..) = document.finish();
        (settings, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_listeners_are_found_beside_it_or_by_the_host_that_is_given() {
        let (beside, errors) = read("");
        assert_eq!((beside.found_at(&beside.live).as_str(), errors.len()), ("127.0.0.1:8000", 0));
        let (apart, errors) = read("reach = \"proxy\"\nidle = \"0.0.0.0:8080\"");
        assert_eq!((apart.found_at(&apart.live), apart.found_at(&apart.idle)), ("proxy:8000".into(), "proxy:8080".into()));
        assert_eq!(errors, [""; 0]);
    }

    #[test]
    fn a_listener_that_nobody_elsewhere_can_find_is_refused() {
        let (_, errors) = read("reach = \"proxy\"");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("set idle = \"0.0.0.0:8080\""), "{errors:?}");
        assert_eq!(read("reach = \"127.0.0.1\"").1, [""; 0]);
        for wrong in ["http://proxy", "proxy:8000"] {
            assert!(read(&format!("reach = \"{wrong}\"\nidle = \"0.0.0.0:8080\"")).1[0].contains("is not a host"), "{wrong}");
        }
    }
}
