//! The containers of an app, as the engine has them.

use std::collections::HashMap;

use bollard::models::{ContainerInspectResponse, ContainerState, HealthStatusEnum};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder};
use chrono::DateTime;
use futures_util::future::join_all;

use super::engine::{Engine, is_gone};
use super::naming::{self, Stage};
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::runtime::error::RuntimeError;
use crate::runtime::instance::Instance;

/// One container of an app.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// What the engine calls it.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// Its colour.
    pub(super) colour: Colour,
    /// Which one of its colour.
    pub(super) number: u32,
    /// How far it has come.
    pub(super) stage: Stage,
    /// The deploy that made it, if one did.
    pub(super) deploy: Option<String>,
    /// All that the engine knows.
    pub(super) inspect: ContainerInspectResponse,
}

/// Every container of an app, running or not: blue first, by number.
///
/// # Errors
/// Where the engine does not say.
pub(super) async fn all(engine: &Engine, app: &str) -> Result<Vec<Found>, RuntimeError> {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{}={app}", naming::APP)])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = engine.docker.list_containers(Some(options)).await.map_err(|error| engine.trouble(&error))?;
    let ids: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
    let inspected = join_all(ids.iter().map(|id| engine.docker.inspect_container(id, None::<InspectContainerOptions>))).await;
    let mut found = Vec::new();
    for inspect in inspected {
        match inspect {
            Ok(inspect) => found.extend(Found::of(inspect)),
            // It went while we looked.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(engine.trouble(&error)),
        }
    }
    found.sort_by_key(|found| (found.colour, found.number, found.stage));
    Ok(found)
}

impl Found {
    /// None for one that no colour's label says is ours.
    pub(super) fn of(inspect: ContainerInspectResponse) -> Option<Self> {
        let labels = inspect.config.as_ref()?.labels.as_ref()?;
        let colour = labels.get(naming::COLOUR)?.parse().ok()?;
        let name = inspect.name.as_deref()?.trim_start_matches('/').to_owned();
        let number = naming::number(&name).or_else(|| labels.get(naming::INSTANCE)?.parse().ok()).unwrap_or(1);
        let deploy = labels.get(naming::DEPLOY).cloned();
        Some(Self { id: inspect.id.clone()?, stage: Stage::of(&name), name, colour, number, deploy, inspect })
    }

    /// A label's value.
    pub(super) fn label(&self, label: &str) -> Option<&String> {
        self.inspect.config.as_ref()?.labels.as_ref()?.get(label)
    }

    /// Whether it runs and is not between two lives.
    pub(super) fn is_running(&self) -> bool {
        self.state().is_some_and(|state| state.running == Some(true) && state.restarting != Some(true))
    }

    fn state(&self) -> Option<&ContainerState> {
        self.inspect.state.as_ref()
    }

    /// Whether it has run and will not run again by itself.
    pub(super) fn is_over(&self) -> bool {
        let Some(state) = self.state() else { return false };
        let ended = state.finished_at.as_deref().is_some_and(|at| since(at).is_some());
        ended && state.running != Some(true) && state.restarting != Some(true)
    }

    /// How often it was started again after it had ended by itself.
    pub(super) fn restarts(&self) -> u32 {
        self.inspect.restart_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
    }

    /// Its address on a network, while it has one.
    pub(super) fn ip(&self, network: &str) -> Option<String> {
        let endpoint = self.inspect.network_settings.as_ref()?.networks.as_ref()?.get(network)?;
        let given = |ip: &Option<String>| ip.clone().filter(|ip| !ip.is_empty());
        given(&endpoint.ip_address).or_else(|| given(&endpoint.global_ipv6_address).map(|ip| format!("[{ip}]")))
    }

    /// Whether it is found by this name on a network.
    pub(super) fn is_called(&self, alias: &str, network: &str) -> bool {
        let endpoint = self.inspect.network_settings.as_ref().and_then(|settings| settings.networks.as_ref()?.get(network));
        endpoint.is_some_and(|endpoint| endpoint.aliases.iter().flatten().any(|name| name == alias))
    }

    /// The network on which it is found by this name.
    pub(super) fn network(&self, alias: &str) -> Option<String> {
        let networks = self.inspect.network_settings.as_ref()?.networks.as_ref()?;
        networks.keys().find(|name| self.is_called(alias, name)).cloned()
    }

    /// The network that it was made on.
    pub(super) fn main_network(&self) -> Option<String> {
        self.inspect.host_config.as_ref()?.network_mode.clone()
    }

    /// Why it has ended: its exit code, and whether its memory was too small.
    pub(super) fn ending(&self) -> String {
        let state = self.state();
        let code = state.and_then(|state| state.exit_code).unwrap_or_default();
        let error = state.and_then(|state| state.error.clone()).filter(|error| !error.is_empty());
        match (state.and_then(|state| state.oom_killed), error) {
            (Some(true), _) => format!("was killed, since its memory was too small (code {code})"),
            (_, Some(error)) => format!("could not run: {error} (code {code})"),
            (_, None) => format!("ended with code {code}"),
        }
    }

    /// Docker's own opinion, where there is one: nothing is decided by it.
    pub(super) fn is_unhealthy(&self) -> bool {
        self.health() == Some(HealthStatusEnum::UNHEALTHY)
    }

    fn health(&self) -> Option<HealthStatusEnum> {
        self.state()?.health.as_ref()?.status
    }

    /// As every runtime shows one: with its address on this network and port.
    pub(super) fn instance(&self, network: Option<&str>, port: &str) -> Instance {
        let config = self.inspect.config.as_ref();
        Instance {
            colour: self.colour,
            name: self.name.clone(),
            address: network.and_then(|network| self.ip(network)).map(|ip| format!("{ip}:{port}")),
            version: self.label(naming::VERSION).cloned(),
            image: config.and_then(|config| config.image.clone()),
            node: None,
            id: Some(self.id.chars().take(12).collect()),
            since: self.state().and_then(|state| since(state.started_at.as_deref()?)),
            restarts: self.restarts(),
            running: self.is_running(),
            note: Some(self.notes().join("; ")).filter(|note| !note.is_empty()),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.stage {
            Stage::Settled => {}
            Stage::New => notes.push("new, and not proven".to_owned()),
            Stage::Proven => notes.push("proven; what it replaces is not gone yet".to_owned()),
        }
        let state = self.state();
        if state.is_some_and(|state| state.paused == Some(true)) {
            notes.push("paused".to_owned());
        } else if !self.is_running() {
            notes.push(self.ending());
        }
        match self.health() {
            Some(HealthStatusEnum::UNHEALTHY) => notes.push("Docker calls it unhealthy".to_owned()),
            Some(HealthStatusEnum::STARTING) => notes.push("Docker's health check has not passed yet".to_owned()),
            Some(HealthStatusEnum::HEALTHY | HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => {}
        }
        notes
    }
}

/// The engine says year 1 of what was never started.
fn since(text: &str) -> Option<Moment> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_millis()).filter(|at| *at > 0).map(Moment::from_millis)
}
