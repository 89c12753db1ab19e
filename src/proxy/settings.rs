//! `[proxy]`.

use std::path::PathBuf;
use std::time::Duration;

use super::caddy::CaddySettings;
use super::haproxy::HaproxySettings;
use super::limits::{ProxyLimits, ProxyTimeouts, Size};
use super::nginx::NginxSettings;
use crate::domain::colour::Colour;
use crate::net::network::Network;
use crate::net::reached::ReachedBy;
use crate::net::tls::TlsFiles;
use crate::settings::{Section, address_or};

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
    /// Peers whose `X-Forwarded-*` is believed: addresses, and networks like `10.0.0.0/8`. Default: none.
    pub trusted: Vec<Network>,
    /// The host by which prober and command line find both listeners. Default: none, they stand beside the proxy.
    pub reach: ReachedBy,
    /// How often the names of both colours' addresses are looked up anew. Default: 1 s.
    pub resolve: Duration,
    /// Threads that serve clients. Default: one for each processor.
    pub threads: Option<u32>,
    /// How long a stage may take.
    pub timeouts: ProxyTimeouts,
    /// What is refused beyond this.
    pub limits: ProxyLimits,
    /// The certificate of the public listener. Default: none, it speaks HTTP in the clear.
    pub live_tls: Option<TlsFiles>,
    /// The certificate of the preview listener. Default: none.
    pub idle_tls: Option<TlsFiles>,
    /// A further listener that sends everyone from HTTP to HTTPS on the public one. Default: none.
    pub redirect: Option<String>,
    /// The access log.
    pub access_log: AccessLogSettings,
    /// A folder with own error pages: `503.html`, `502.html`, `error.html`, `maintenance.html`. Default: none.
    pub pages: Option<PathBuf>,
    /// Requests that are kept waiting.
    pub hold: HoldSettings,
    /// What the health path answers while there is maintenance: `200` from us, `503` from us, or `app`. Default: `app`.
    pub maintenance_health: MaintenanceHealth,
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
    /// Reads of `[proxy]` which it is, and nothing else.
    #[must_use]
    pub fn of(mut section: Section<'_>) -> Self {
        Self::read(&mut section)
    }

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

/// What the app's health path answers while there is maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceHealth {
    /// Whatever the app says: nobody in front of us takes us out, and the app stays watched.
    App,
    /// 200: all is as it should be.
    Well,
    /// 503, as everything else: whoever balances in front of us sends nobody here.
    Unavailable,
}

/// The access log: one JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// The file, relative to the state directory. Default: `access.log`; `"off"` for none.
    pub path: Option<PathBuf>,
    /// A file that has grown to this becomes `PATH.1`. Default: 64 MB.
    pub size: Size,
}

/// Requests that `allswell hold on` keeps waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldSettings {
    /// For so long at most; then 503. Default: 30 s.
    pub time: Duration,
    /// So many at most; further ones get 503 at once. Default: 10,000.
    pub number: u32,
}

impl ProxySettings {
    /// Reads `[proxy]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let colours = [("blue", Colour::Blue), ("green", Colour::Green)];
        let (live, idle) = (address_or(&mut section, "live", "0.0.0.0:8000"), address_or(&mut section, "idle", "127.0.0.1:8080"));
        let settings = Self {
            kind: ProxyKind::read(&mut section),
            health: address_or(&mut section, "health", "127.0.0.1:7702"),
            first_live: section.one_of("first_live", &colours).unwrap_or(Colour::Blue),
            trusted: section.all_parsed("trusted"),
            reach: ReachedBy::read(&mut section, &[("live", &live), ("idle", &idle)]),
            live,
            idle,
            resolve: section.duration_or("resolve", Duration::from_secs(1)),
            threads: section.count("threads"),
            timeouts: ProxyTimeouts::read(&mut section),
            limits: ProxyLimits::read(&mut section),
            live_tls: TlsFiles::read(section.section("live_tls")),
            idle_tls: TlsFiles::read(section.section("idle_tls")),
            redirect: section.text("redirect"),
            access_log: AccessLogSettings {
                path: Some(section.text_or("access_log", "access.log")).filter(|path| path != "off").map(PathBuf::from),
                size: section.parsed("access_log_size").unwrap_or(Size::kb(64 << 10)),
            },
            pages: section.text("pages").map(PathBuf::from),
            hold: HoldSettings {
                time: section.duration_or("hold_time", Duration::from_secs(30)),
                number: section.count_or("hold_number", 10_000),
            },
            maintenance_health: section.one_of("maintenance_health", &HEALTH_ANSWERS).unwrap_or(MaintenanceHealth::App),
        };
        if settings.redirect.is_some() && settings.live_tls.is_none() {
            section.error("redirect", "there is no HTTPS to send anyone to: set live_tls");
        }
        section.finish();
        settings
    }

    /// How many threads serve clients. Who only reads the config counts no processors.
    #[must_use]
    pub fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.and_then(|count| usize::try_from(count).ok()).unwrap_or_else(processors)
    }
}

const HEALTH_ANSWERS: [(&str, MaintenanceHealth); 3] =
    [("app", MaintenanceHealth::App), ("200", MaintenanceHealth::Well), ("503", MaintenanceHealth::Unavailable)];
