//! Changes of a service: each is compared with what was read, and set.

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::models::ServiceSpec;
use bollard::query_parameters::UpdateServiceOptions;

use super::manager::Manager;
use super::service::Service;
use super::spec::{image_of, replicas};
use crate::runtime::docker::engine::is_gone;
use crate::runtime::error::RuntimeError;

/// How often a change is tried anew because the Swarm itself, which notes its progress in the service, was faster.
const TRIES: u32 = 20;

impl Manager {
    /// Creates a service.
    pub(super) async fn create(&self, spec: ServiceSpec, credentials: Option<DockerCredentials>) -> Result<(), RuntimeError> {
        let name = spec.name.clone().unwrap_or_default();
        let created = self.engine.docker.create_service(spec, credentials).await;
        created.map(drop).map_err(|error| match error {
            Error::DockerResponseServerError { status_code: 409, .. } => RuntimeError::Conflict(format!(
                "somebody else has created the service {name} at the same time: look at it, then deploy again"
            )),
            error => self.engine.trouble(&error),
        })
    }

    /// Gives a service another spec, where it is still as it was read; otherwise says what somebody else has changed.
    pub(super) async fn write(
        &self,
        read: &Service,
        spec: &ServiceSpec,
        credentials: Option<&DockerCredentials>,
    ) -> Result<(), RuntimeError> {
        let name = &read.name;
        let mut version = read.version;
        for _ in 0..TRIES {
            let Ok(index) = i32::try_from(version) else {
                return Err(RuntimeError::Refused(format!("the version {version} of {name} is beyond what this client can send")));
            };
            let options = UpdateServiceOptions { version: index, ..UpdateServiceOptions::default() };
            match self.engine.docker.update_service(&read.id, spec.clone(), options, credentials.cloned()).await {
                Ok(_) => return Ok(()),
                Err(error) if is_out_of_sequence(&error) => version = self.unchanged(read).await?,
                Err(error) => return Err(self.engine.trouble(&error)),
            }
        }
        Err(RuntimeError::Conflict(format!("the service {name} changes all the time: nothing was changed. Look at it, then try again")))
    }

    /// The version of a service that the Swarm alone has touched since it was read.
    async fn unchanged(&self, read: &Service) -> Result<u64, RuntimeError> {
        let name = &read.name;
        let Some(now) = self.service(name).await? else {
            return Err(RuntimeError::Conflict(format!(
                "somebody else has removed the service {name} at the same time: nothing was changed"
            )));
        };
        if now.spec == read.spec {
            return Ok(now.version);
        }
        Err(RuntimeError::Conflict(format!(
            "somebody else has changed the service {name} at the same time ({}): nothing was changed by this. See `docker service ps {name}`, \
             then try again",
            difference(&read.spec, &now.spec)
        )))
    }

    /// Removes a service.
    pub(super) async fn remove(&self, name: &str) -> Result<(), RuntimeError> {
        match self.engine.docker.delete_service(name).await {
            Ok(()) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(self.engine.trouble(&error)),
        }
    }
}

/// Whether the service has another version by now.
fn is_out_of_sequence(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. } if message.contains("update out of sequence"))
}

/// What somebody else did, as far as it can be said shortly.
pub(super) fn difference(before: &ServiceSpec, after: &ServiceSpec) -> String {
    let force = |spec: &ServiceSpec| spec.task_template.as_ref().and_then(|task| task.force_update).unwrap_or_default();
    let mut words = Vec::new();
    if image_of(before) != image_of(after) {
        words.push(format!("its image is now {}", image_of(after).unwrap_or("none")));
    }
    if replicas(before) != replicas(after) {
        words.push(format!("it has {} replicas now, {} before", replicas(after), replicas(before)));
    }
    if force(before) != force(after) {
        words.push("its tasks were told to start anew".to_owned());
    }
    if words.is_empty() { "labels, environment or other settings".to_owned() } else { words.join(", ") }
}
