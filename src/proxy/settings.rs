//! `[proxy]`.

use std::net::IpAddr;
use std::time::Duration;

use super::caddy::CaddySettings;
use super::haproxy::HaproxySettings;
use super::nginx::NginxSettings;
use crate::domain::colour::Colour;
use crate::net::reached::ReachedBy;
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
    pub reach: ReachedBy,
    /// How often the names of both colours' addresses are looked up anew. Default: 1 s.
    pub resolve: Duration,
    /// Threads that serve clients. Default: one for each processor.
    pub threads: usize,
    /// How long a stage may take.
    pub timeouts: ProxyTimeouts,
}

/// Which proxy is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyKind {
    /// Ours.
    Embedded,
    /// HAProxy, which somebody else runs.
    Haproxy(HaproxySettings),
    /// nginx, which somebody else runs.
    Nginx(NginxSettings),
    /// Caddy, which somebody else runs.
    Caddy(CaddySettings),
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Embedded,
    Haproxy,
    Nginx,
    Caddy,
}

impl ProxyKind {
    fn read(section: &mut Section<'_>) -> Self {
        let words = [("embedded", Word::Embedded), ("haproxy", Word::Haproxy), ("nginx", Word::Nginx), ("caddy", Word::Caddy)];
        match section.one_of("kind", &words).unwrap_or(Word::Embedded) {
            Word::Embedded => Self::Embedded,
            Word::Haproxy => Self::Haproxy(HaproxySettings::read(section)),
            Word::Nginx => Self::Nginx(NginxSettings::read(section)),
            Word::Caddy => Self::Caddy(CaddySettings::read(section)),
        }
    }

    /// What a switch costs the site's visitors, in the user's words; none where it costs nothing.
    #[must_use]
    pub fn switch_costs(&self) -> Option<&'static str> {
        match self {
            Self::Embedded | Self::Haproxy(_) => None,
            Self::Nginx(_) => Some(
                "a switch reloads nginx: it closes every keep-alive connection, and a request that is just being sent on one of them is lost",
            ),
            Self::Caddy(_) => Some(
                "a switch loads Caddy's config anew: it closes idle keep-alive connections and WebSockets, and a request that is just being \
                 sent on one of them is lost",
            ),
        }
    }

    /// What the embedded proxy does and this one cannot, in the user's words.
    #[must_use]
    pub fn cannot(&self) -> &'static [&'static str] {
        match self {
            Self::Embedded => &[],
            Self::Haproxy(_) => &["HAProxy counts WebSockets as requests: a drain waits for them, and a deploy cuts them, together"],
            Self::Nginx(_) => &[
                "nginx does not say how many requests are left: a drain waits for its old workers, whatever they are at",
                "nginx cuts nothing at a deploy: what is left ends by its worker_shutdown_timeout",
                "nginx does not count errors by colour: a bad switch is seen by probes alone",
            ],
            Self::Caddy(_) => &[
                "Caddy keeps the colour only when it is started with --resume",
                "Caddy cuts nothing at a deploy: what is left ends with its instances",
                "Caddy does not count errors by colour: a bad switch is seen by probes alone",
            ],
        }
    }

    /// Whether it is a part of ours, which `allswell up` runs.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Embedded => true,
            Self::Haproxy(_) | Self::Nginx(_) | Self::Caddy(_) => false,
        }
    }
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
        let (live, idle) = (section.text_or("live", "0.0.0.0:8000"), section.text_or("idle", "127.0.0.1:8080"));
        let settings = Self {
            kind: ProxyKind::read(&mut section),
            health: section.text_or("health", "127.0.0.1:7702"),
            first_live: section.one_of("first_live", &colours).unwrap_or(Colour::Blue),
            trusted: section.texts("trusted").iter().filter_map(|text| trusted(&section, text)).collect(),
            reach: ReachedBy::read(&mut section, &[("live", &live), ("idle", &idle)]),
            live,
            idle,
            resolve: section.duration_or("resolve", Duration::from_secs(1)),
            threads: usize::try_from(section.count_or("threads", processors())).unwrap_or(1),
            timeouts: ProxyTimeouts {
                header_read: section.duration_or("header_read_timeout", Duration::from_secs(30)),
                connect: section.duration_or("connect_timeout", Duration::from_secs(5)),
                response_header: section.duration_or("response_header_timeout", Duration::from_secs(60)),
                idle: section.duration_or("idle_timeout", Duration::from_secs(600)),
            },
        };
        section.finish();
        settings
    }
}

fn processors() -> u32 {
    std::thread::available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok()).unwrap_or(1)
}

fn trusted(section: &Section<'_>, text: &str) -> Option<IpAddr> {
    text.parse().map_err(|_| section.error("trusted", format!("\"{text}\" is not an IP address"))).ok()
}
