//! A service, as a manager has it.

use std::collections::HashMap;

use bollard::models::{ServiceSpec, ServiceUpdateStatusStateEnum as UpdateState};
use bollard::query_parameters::{InspectServiceOptions, ListTasksOptions};

use super::manager::Manager;
use super::sight::Update;
use super::spec::replicas;
use super::task::TaskView;
use crate::runtime::docker::engine::is_gone;
use crate::runtime::error::RuntimeError;

/// A service with the version by which a change of it is compared and set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Service {
    /// Its id.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// The version of all of it; the Swarm counts on with each change, its own included.
    pub(super) version: u64,
    /// What it is to be.
    pub(super) spec: ServiceSpec,
    /// How far the Swarm has come with the last change.
    pub(super) update: Update,
}

impl Service {
    /// How many tasks it is to have.
    pub(super) fn replicas(&self) -> u64 {
        replicas(&self.spec)
    }
}

impl Manager {
    /// The service of this name, if there is one.
    pub(super) async fn service(&self, name: &str) -> Result<Option<Service>, RuntimeError> {
        let found = match self.engine.docker.inspect_service(name, None::<InspectServiceOptions>).await {
            Ok(found) => found,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(self.engine.trouble(&error)),
        };
        let spec = found.spec.unwrap_or_default();
        // The engine takes the beginning of an id for a name, too.
        if spec.name.as_deref() != Some(name) {
            return Ok(None);
        }
        let update = found.update_status.unwrap_or_default();
        let version = found.version.and_then(|version| version.index).unwrap_or_default();
        let update = Update::of(update.state.unwrap_or(UpdateState::EMPTY), update.message);
        Ok(Some(Service { id: found.id.unwrap_or_default(), name: name.to_owned(), version, spec, update }))
    }

    /// Every task of a service that the Swarm still remembers, the newest of each slot first.
    pub(super) async fn tasks(&self, service: &str) -> Result<Vec<TaskView>, RuntimeError> {
        let nodes = self.nodes().await?;
        let filters = HashMap::from([("service".to_owned(), vec![service.to_owned()])]);
        let options = ListTasksOptions { filters: Some(filters) };
        let listed = match self.engine.docker.list_tasks(Some(options)).await {
            Ok(listed) => listed,
            // The service has gone.
            Err(error) if is_gone(&error) => Vec::new(),
            Err(error) => return Err(self.engine.trouble(&error)),
        };
        let mut tasks: Vec<TaskView> = listed.into_iter().filter_map(|task| TaskView::of(task, &nodes)).collect();
        tasks.sort_by_key(|task| (task.slot, std::cmp::Reverse(task.made)));
        Ok(tasks)
    }

    /// How many tasks of a service, removed or not, still have something running.
    pub(super) async fn remains(&self, service: &str) -> Result<usize, RuntimeError> {
        let nodes = self.nodes().await?;
        let listed = self.engine.docker.list_tasks(None::<ListTasksOptions>).await.map_err(|error| self.engine.trouble(&error))?;
        let of_it = listed.into_iter().filter(|task| task.service_id.as_deref() == Some(service));
        Ok(of_it.filter_map(|task| TaskView::of(task, &nodes)).filter(TaskView::holds_on).count())
    }
}
