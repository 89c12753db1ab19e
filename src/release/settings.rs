//! `[switch]` and `[prober]`.

use std::time::Duration;

use super::criteria::Criteria;
use super::hooks::Hook;
use crate::net::reached::ReachedBy;
use crate::settings::{Section, address_or};

/// `[switch]`: how a switch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchSettings {
    /// Probes in a row that must pass before, and front-door answers after. Default: 3.
    pub passes: u32,
    /// How long the gate waits for them. Default: 30 s.
    pub within: Duration,
    /// How long old requests have to finish. Default: 30 s.
    pub drain: Duration,
    /// How long a bad switch is taken back by itself. Default: 30 s.
    pub observe: Duration,
    /// How long WebSockets and event streams of the old colour go on after the switch; then the embedded proxy ends them. Default: until that colour
    /// is deployed, scaled or stopped.
    pub streams: Option<Duration>,
    /// How many percentage points more of the answers may be 5xx, or break off, than before, while it is observed. Default: 5.
    pub error_rise: u32,
    /// What a colour has to show beyond passing probes. Default: nothing.
    pub gate: Criteria,
    /// `[[switch.hook]]`: what is called before and after each phase. Default: nothing.
    pub hooks: Vec<Hook>,
}

/// `[prober]`: who probes, and owns the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProberSettings {
    /// The control API, by bearer token. Default: `127.0.0.1:7701`.
    pub listen: String,
    /// Only `/healthz` and `/metrics`. Default: `127.0.0.1:7703`.
    pub health: String,
    /// A further name by which that listener and the control are asked. Default: none.
    pub url: Option<String>,
    /// The host by which the command line finds its control. Default: none, it runs beside it.
    pub reach: ReachedBy,
    /// The watchers that hear its beats, by URL. Default: `http://127.0.0.1:7700`.
    pub watchers: Vec<String>,
    /// Where it keeps journal and lease. Default: `sqlite:prober.db`.
    pub store: String,
    /// The channels it tells by while no watcher acknowledges its beats. Default: those of the watcher.
    pub channels: Vec<String>,
    /// The Docker engine that it watches, through a socket that allows reading alone: `unix:///PATH`, `tcp://HOST:PORT` or
    /// `http://HOST:PORT`. Default: none.
    pub engine: Option<String>,
}

impl SwitchSettings {
    /// Reads `[switch]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            passes: section.count_or("passes", 3),
            within: section.duration_or("within", Duration::from_secs(30)),
            drain: section.duration_or("drain", Duration::from_secs(30)),
            observe: section.duration_or("observe", Duration::from_secs(30)),
            streams: section.duration("streams"),
            error_rise: section.count_or("error_rise", 5),
            gate: Criteria::read(section.section("gate")),
            hooks: section.sections("hook").into_iter().filter_map(Hook::read).collect(),
        };
        section.finish();
        settings
    }
}

impl ProberSettings {
    /// Where its control is found (`HOST:PORT`).
    #[must_use]
    pub fn at(&self) -> String {
        self.reach.found(&self.listen)
    }

    /// Reads `[prober]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let listen = address_or(&mut section, "listen", "127.0.0.1:7701");
        let mut settings = Self {
            reach: ReachedBy::read(&mut section, &[("listen", &listen)]),
            listen,
            health: address_or(&mut section, "health", "127.0.0.1:7703"),
            url: section.text("url"),
            watchers: section.texts("watchers"),
            store: section.text_or("store", "sqlite:prober.db"),
            channels: section.texts("channels"),
            engine: section.text("engine"),
        };
        if settings.engine.as_ref().is_some_and(|engine| !["unix:///", "tcp://", "http://"].iter().any(|begin| engine.starts_with(begin))) {
            section.error("engine", "must be unix:///PATH, tcp://HOST:PORT or http://HOST:PORT");
        }
        if settings.watchers.is_empty() {
            settings.watchers.push("http://127.0.0.1:7700".to_owned());
        }
        if !settings.store.starts_with("sqlite:") {
            section.error("store", "must begin with sqlite:");
        }
        section.finish();
        settings
    }
}
