//! Follows a service until it is as it was told to be. The Swarm itself never gives up; this does.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bollard::models::{ServiceSpec, TaskState};
use tokio::time::sleep;

use super::manager::Manager;
use super::service::Service;
use super::sight::{Aim, Sight, Verdict};
use super::task::TaskView;
use super::write::difference;
use crate::clock;
use crate::domain::moment::humane;
use crate::runtime::error::RuntimeError;
use crate::runtime::release::{Step, Tell};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(250);

/// What is waited for, and how long.
pub(super) struct Follow<'a> {
    /// The service's name.
    pub(super) service: &'a str,
    /// Which tasks it is to end up with.
    pub(super) aim: Aim,
    /// The tasks that were there before.
    pub(super) before: &'a [TaskView],
    /// How long it may take.
    pub(super) limit: Duration,
    /// Told of each step of each task.
    pub(super) tell: Tell<'a>,
}

impl Follow<'_> {
    /// Until the tasks that are to run do, and no others.
    pub(super) async fn end(&self, manager: &Manager) -> Result<Vec<TaskView>, RuntimeError> {
        let began = clock::elapsed();
        let old_failures: HashSet<String> = self.before.iter().filter(|task| task.has_failed()).map(|task| task.id.clone()).collect();
        let mut told: HashMap<String, TaskState> = self.before.iter().map(|task| (task.id.clone(), task.state)).collect();
        let mut read: Option<ServiceSpec> = None;
        loop {
            let (service, tasks) = match self.seen(manager).await {
                Err(error) if self.passes(&error, clock::elapsed().saturating_sub(began)) => {
                    (self.tell)(Step::Working(format!("{}: {error}", self.service)));
                    sleep(LOOK).await;
                    continue;
                }
                seen => seen?,
            };
            if let Some(read) = read.as_ref().filter(|read| **read != service.spec) {
                return Err(self.overtaken(read, &service));
            }
            self.say(&tasks, &mut told);
            let sight =
                Sight { aim: self.aim, replicas: service.replicas(), update: &service.update, tasks: &tasks, old_failures: &old_failures };
            let how_far = match sight.verdict() {
                Verdict::Ready => return Ok(tasks),
                Verdict::Failed(why) => return Err(RuntimeError::Refused(format!("{}: {why}{}", self.service, advice(sight.stuck())))),
                Verdict::Going(how_far) => how_far,
            };
            if clock::elapsed().saturating_sub(began) > self.limit {
                return Err(RuntimeError::Late(format!(
                    "{}: not within {}: {how_far}{}",
                    self.service,
                    humane(self.limit),
                    advice(sight.stuck())
                )));
            }
            (self.tell)(Step::Working(format!("{}: {how_far}", self.service)));
            read = Some(service.spec);
            sleep(LOOK).await;
        }
    }

    async fn seen(&self, manager: &Manager) -> Result<(Service, Vec<TaskView>), RuntimeError> {
        let service = self.present(manager).await?;
        let tasks = manager.tasks(&service.id).await?;
        Ok((service, tasks))
    }

    /// Whether an error says nothing of the service: an engine that does not answer now may be about to come back, and the Swarm goes on.
    fn passes(&self, error: &RuntimeError, spent: Duration) -> bool {
        match error {
            RuntimeError::Silent(_) => spent <= self.limit,
            RuntimeError::Refused(_) | RuntimeError::Conflict(_) | RuntimeError::Late(_) => false,
        }
    }

    async fn present(&self, manager: &Manager) -> Result<Service, RuntimeError> {
        let gone = || RuntimeError::Conflict(format!("somebody else has removed the service {} meanwhile", self.service));
        manager.service(self.service).await?.ok_or_else(gone)
    }

    fn overtaken(&self, read: &ServiceSpec, now: &Service) -> RuntimeError {
        let what = difference(read, &now.spec);
        RuntimeError::Conflict(format!("somebody else has changed the service {} meanwhile ({what})", self.service))
    }

    /// What tasks have begun, run, or ended since the last look.
    fn say(&self, tasks: &[TaskView], told: &mut HashMap<String, TaskState>) {
        for task in tasks {
            let was = told.insert(task.id.clone(), task.state);
            let speaks = task.is_up() || task.state > TaskState::RUNNING;
            if was != Some(task.state) && speaks {
                (self.tell)(Step::Done(format!("{}.{} {}", self.service, task.slot, task.words())));
            }
        }
    }
}

/// What to do about a task that does not run.
fn advice(stuck: Option<&TaskView>) -> &'static str {
    let trouble = stuck.and_then(|task| task.trouble.as_deref()).unwrap_or_default();
    if trouble.contains("no suitable node") {
        ". See `docker node ls`, and what [runtime] constraints and the service's limits ask for"
    } else if trouble.contains("No such image") {
        ". Is it pushed, and may the nodes pull it?"
    } else if trouble.contains("unhealthy") {
        ". Its own health check says no"
    } else if trouble.contains("mount") {
        ". A path of a node must be there on every node"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_silent_is_waited_for_as_long_as_the_service_is() {
        let limit = Duration::from_secs(9);
        let follow = Follow { service: "shop-green", aim: Aim::Any, before: &[], limit, tell: &|_| () };
        let silent = RuntimeError::Silent("no answer in time".to_owned());
        assert!(follow.passes(&silent, limit));
        assert!(!follow.passes(&silent, limit + LOOK));
        assert!(!follow.passes(&RuntimeError::Conflict("somebody else has removed it".to_owned()), Duration::ZERO));
    }
}
