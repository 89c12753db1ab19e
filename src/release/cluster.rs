//! What a switch works on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::memory::Memory;
use super::settings::SwitchSettings;
use super::targets::Targets;
use crate::domain::beat::ExpectedInstances;
use crate::domain::colour::Colour;
use crate::probe::ProbeSettings;
use crate::proxy::ProxyDriver;
use crate::signing::Key;
use crate::store::{Journal, StoreError};

/// One cluster: its journal, its proxy, its targets, and what is remembered of them.
#[derive(Debug)]
pub struct Cluster {
    /// Who did what.
    pub journal: Journal,
    /// Takes orders.
    pub proxy: ProxyDriver,
    /// Are probed.
    pub targets: Targets,
    /// What the probes saw.
    pub memory: Arc<Memory>,
    /// How a switch goes.
    pub settings: SwitchSettings,
    /// How everything is probed.
    pub probe: ProbeSettings,
    /// How many instances each colour has where no order has said so.
    pub configured: ExpectedInstances,
    /// Where the watchers are, by URL.
    pub watchers: Vec<String>,
    /// Signs what they are asked.
    pub key: Key,
    /// What is expected or under way has changed: whoever tells of it need not wait for its interval. Carries no data.
    pub changed: Notify,
    /// Everything is being stopped on purpose: what is under way stays as it stands, and the next prober goes on with it. What the probes see
    /// from then on says nothing about a colour.
    pub left: watch::Sender<bool>,
}

impl Cluster {
    /// How many instances of each colour are expected.
    ///
    /// # Errors
    /// Where the journal does not answer.
    pub async fn expected(&self) -> Result<ExpectedInstances, StoreError> {
        let recorded = self.journal.expected().await?;
        let of = |colour| recorded.get(&colour).copied().unwrap_or_else(|| self.configured.of(colour));
        Ok(ExpectedInstances { blue: of(Colour::Blue), green: of(Colour::Green) })
    }

    /// Resolves when what is under way is to stay as it stands.
    pub(super) async fn is_left(&self) {
        // The sender lives as long as we do.
        let _ = self.left.subscribe().wait_for(|left| *left).await;
    }

    /// The longest that a switch can take, and some minutes: a lease that is kept no longer than this is not in the way for ever.
    pub(super) fn longest_switch(&self) -> Duration {
        const SPARE: Duration = Duration::from_secs(300);
        let SwitchSettings { within, drain, observe, passes, gate, hooks, error_rise: _, streams: _ } = &self.settings;
        let hooks: Duration = hooks.iter().map(|hook| hook.timeout).sum();
        let (probes, orders) = (self.probe.timeout * (*passes + self.probe.fall), self.proxy.longest_order() * 3);
        *within * 4 + hooks + gate.smoke_timeout + probes + orders + *drain + *observe + SPARE
    }
}

/// A cluster whose proxy says what a test has it say.
#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use axum::routing::get;
    use axum::{Json, Router};
    use tokio::net::UnixListener;

    use super::*;
    use crate::config::Config;
    use crate::domain::shift::Claimed;
    use crate::proxy::control::{Load, ProxyControl, ProxyState};
    use crate::store::Store;

    /// Says that this colour is live, under this epoch.
    pub(in crate::release) fn serving((live, epoch): Claimed) -> ProxyState {
        ProxyState { live: Some(live), epoch, by: None, blue: Load::default(), green: Load::default(), answers: None }
    }

    /// With a journal in `folder`, before a proxy that says this whenever it is asked.
    pub(in crate::release) async fn cluster(folder: &Path, say: impl Fn() -> ProxyState + Clone + Send + Sync + 'static) -> Cluster {
        let socket = folder.join("proxy.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let state = move || {
            let said = say();
            async move { Json(said) }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/state", get(state))).await });
        let config = Config::parse("[runtime]\ncommand = \"x\"\n").unwrap().config;
        let proxy = || ProxyDriver::Embedded(ProxyControl::new(&socket, Duration::from_secs(30)));
        Cluster {
            journal: Journal::new(Store::open("sqlite:prober.db", folder).await.unwrap()),
            proxy: proxy(),
            targets: Targets::new(&config.app, &config.proxy, &config.probe, "token", proxy()).unwrap(),
            memory: Arc::new(Memory::default()),
            settings: config.switch,
            probe: config.probe,
            configured: ExpectedInstances { blue: 2, green: 2 },
            watchers: Vec::new(),
            key: Key::new("key"),
            changed: Notify::new(),
            left: watch::Sender::new(false),
        }
    }
}
