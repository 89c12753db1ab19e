//! A manager of the Swarm: the only kind of engine that can see and change services.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{LocalNodeState, NetworkAttachmentConfig, NodeState, SystemInfo};
use bollard::query_parameters::{InspectNetworkOptions, ListNodesOptions, ListSecretsOptions};

use crate::runtime::docker::engine::{Engine, is_gone};
use crate::runtime::error::RuntimeError;

/// An engine that is known to be a manager.
#[derive(Debug)]
pub(super) struct Manager {
    pub(super) engine: Engine,
}

/// A node, as far as tasks care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Its host's name.
    pub(super) name: String,
    /// Whether the managers hear it: what a silent node runs is not known.
    pub(super) is_heard: bool,
}

impl Manager {
    /// Connects, and sees to it that the engine is a manager.
    pub(super) async fn connect() -> Result<Self, RuntimeError> {
        // No call of ours waits for a task to stop: the Swarm does that by itself.
        let engine = Engine::connect(Duration::ZERO).await?;
        let info = engine.docker.info().await.map_err(|error| engine.trouble(&error))?;
        match trouble(&info) {
            None => Ok(Self { engine }),
            Some(trouble) => Err(RuntimeError::Refused(trouble)),
        }
    }

    /// Every node by its id.
    pub(super) async fn nodes(&self) -> Result<HashMap<String, Node>, RuntimeError> {
        let nodes = self.engine.docker.list_nodes(None::<ListNodesOptions>).await.map_err(|error| self.engine.trouble(&error))?;
        Ok(nodes
            .into_iter()
            .filter_map(|node| {
                let id = node.id?;
                let name = node.description.and_then(|description| description.hostname).unwrap_or_else(|| id.clone());
                let is_heard = node.status.and_then(|status| status.state) != Some(NodeState::DOWN);
                Some((id, Node { name, is_heard }))
            })
            .collect())
    }

    /// The overlay network of this name, as a service is attached to it: with the names under which its tasks are found there besides its own.
    pub(super) async fn network(&self, name: &str, aliases: &[String]) -> Result<NetworkAttachmentConfig, RuntimeError> {
        let advice = format!("docker network create --driver overlay --attachable {name}");
        let found = self.engine.docker.inspect_network(name, None::<InspectNetworkOptions>).await.map_err(|error| {
            if is_gone(&error) {
                RuntimeError::Refused(format!("there is no network {name}: {advice}"))
            } else {
                self.engine.trouble(&error)
            }
        })?;
        if found.scope.as_deref() != Some("swarm") {
            return Err(RuntimeError::Refused(format!(
                "the network {name} is of this engine alone, and services need one of the Swarm: {advice}"
            )));
        }
        let aliases = (!aliases.is_empty()).then(|| aliases.to_vec());
        Ok(NetworkAttachmentConfig { target: found.id, aliases, driver_opts: None })
    }

    /// The id of a secret.
    pub(super) async fn secret(&self, name: &str) -> Result<String, RuntimeError> {
        let filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
        let options = ListSecretsOptions { filters: Some(filters) };
        let found = self.engine.docker.list_secrets(Some(options)).await.map_err(|error| self.engine.trouble(&error))?;
        // The filter takes beginnings of names too.
        let exact = found.into_iter().find(|secret| secret.spec.as_ref().and_then(|spec| spec.name.as_deref()) == Some(name));
        exact
            .and_then(|secret| secret.id)
            .ok_or_else(|| RuntimeError::Refused(format!("there is no secret {name}: docker secret create {name} FILE")))
    }
}

/// Why this engine cannot do it, and what would.
fn trouble(info: &SystemInfo) -> Option<String> {
    let swarm = info.swarm.clone().unwrap_or_default();
    let name = info.name.as_deref().unwrap_or("this engine");
    match swarm.local_node_state {
        Some(LocalNodeState::ACTIVE) if swarm.control_available == Some(true) => None,
        Some(LocalNodeState::ACTIVE) => {
            let managers: Vec<String> = swarm.remote_managers.unwrap_or_default().into_iter().filter_map(|peer| peer.addr).collect();
            let known = if managers.is_empty() { String::new() } else { format!(" (managers: {})", managers.join(", ")) };
            Some(format!(
                "{name} is a worker of the Swarm, and only a manager can see and change services: run this on a manager, or name one by DOCKER_HOST{known}"
            ))
        }
        Some(LocalNodeState::LOCKED) => Some(format!("the Swarm on {name} is locked: docker swarm unlock")),
        Some(LocalNodeState::PENDING | LocalNodeState::ERROR) => {
            let why = swarm.error.filter(|error| !error.is_empty()).map(|error| format!(": {error}")).unwrap_or_default();
            Some(format!("{name} has not joined its Swarm{why}. See `docker info`"))
        }
        Some(LocalNodeState::INACTIVE | LocalNodeState::EMPTY) | None => Some(format!(
            "{name} is in no Swarm, and kind = \"swarm\" needs a manager of one: docker swarm init, or deploy/swarm-setup.sh for several hosts"
        )),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::SwarmInfo;

    use super::*;

    fn said(state: LocalNodeState, control: bool) -> Option<String> {
        let swarm = SwarmInfo { local_node_state: Some(state), control_available: Some(control), ..SwarmInfo::default() };
        trouble(&SystemInfo { name: Some("n2".into()), swarm: Some(swarm), ..SystemInfo::default() })
    }

    #[test]
    fn only_a_manager_will_do_and_each_other_engine_is_told_apart() {
        assert_eq!(said(LocalNodeState::ACTIVE, true), None);
        assert!(said(LocalNodeState::ACTIVE, false).unwrap().contains("n2 is a worker"));
        assert!(said(LocalNodeState::INACTIVE, false).unwrap().contains("docker swarm init"));
        assert!(said(LocalNodeState::LOCKED, false).unwrap().contains("docker swarm unlock"));
        assert!(said(LocalNodeState::PENDING, false).unwrap().contains("has not joined"));
    }
}
