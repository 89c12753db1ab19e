//! Takes a deploy's change of a service back.

use bollard::models::ServiceSpec;

use super::manager::Manager;
use super::service::Service;
use super::spec::{Before, before, last_deploy};
use super::task::TaskView;
use crate::runtime::error::RuntimeError;

/// How often is tried while somebody else goes on changing the service.
const TRIES: u32 = 20;

/// What was done for that.
#[derive(Debug)]
pub(super) enum Undone {
    /// The service is not as that deploy left it: there was nothing to do.
    Nothing,
    /// The service, which the deploy had created, is removed.
    Removed(Box<Service>),
    /// It has its spec of before again; these were its tasks until then.
    Restored(Box<ServiceSpec>, Vec<TaskView>),
}

impl Manager {
    /// Once: what is put back does not have the deploy's number, so that whoever comes second finds nothing to do. What somebody else has
    /// changed on top of the deploy goes with it.
    pub(super) async fn undo(&self, name: &str, deploy: i64) -> Result<Undone, RuntimeError> {
        for _ in 0..TRIES {
            let Some(service) = self.service(name).await?.filter(|service| last_deploy(&service.spec) == Some(deploy)) else {
                return Ok(Undone::Nothing);
            };
            let spec = match before(&service.spec) {
                Some(Before::Spec(spec)) => spec,
                Some(Before::Nothing) => return self.remove(name).await.map(|()| Undone::Removed(Box::new(service))),
                None => {
                    return Err(RuntimeError::Refused(format!(
                        "the service {name} does not say what it was before deploy {deploy}: see `docker service inspect {name}`"
                    )));
                }
            };
            let tasks = self.tasks(&service.id).await?;
            match self.write(&service, &spec, None).await {
                Ok(()) => return Ok(Undone::Restored(spec, tasks)),
                Err(RuntimeError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(RuntimeError::Conflict(format!("somebody else changes the service {name} all the time, and the bad spec still stands")))
    }
}
