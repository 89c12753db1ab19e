//! What a manager of a Swarm knows: the tasks of both colours' services, and the nodes.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{NodeState, Task, TaskState};
use bollard::query_parameters::{ListNodesOptionsBuilder, ListServicesOptionsBuilder, ListTasksOptionsBuilder};

use super::sight::{Sight, answered};
use crate::domain::colour::Colour;
use crate::domain::container::{Container, End, Holds, Life, colour_of_service};
use crate::domain::moment::Moment;
use crate::runtime::error::RuntimeError;

impl Sight {
    /// The slots of both colours' services, each with the task that fills it now.
    ///
    /// # Errors
    /// Where the engine does not answer, or is no manager of a Swarm.
    pub async fn slots(&self) -> Result<Vec<Container>, RuntimeError> {
        let engine = self.engine()?;
        let services = answered(engine.list_services(Some(ListServicesOptionsBuilder::default().build()))).await?;
        let mut slots = Vec::new();
        for service in services {
            let Some(name) = service.spec.and_then(|spec| spec.name) else { continue };
            let Some(colour) = colour_of_service(&name, &self.app) else { continue };
            let filters = HashMap::from([("service", vec![name.as_str()])]);
            let tasks = answered(engine.list_tasks(Some(ListTasksOptionsBuilder::default().filters(&filters).build()))).await?;
            slots.extend(by_slot(tasks).into_iter().filter_map(|(slot, tasks)| container(&name, colour, &slot, &tasks)));
        }
        Ok(slots)
    }

    /// The nodes that have left the Swarm or do not answer it: name and why.
    ///
    /// # Errors
    /// Where the engine does not answer, or is no manager of a Swarm.
    pub async fn missing_nodes(&self) -> Result<Vec<(String, String)>, RuntimeError> {
        let engine = self.engine()?;
        let nodes = answered(engine.list_nodes(Some(ListNodesOptionsBuilder::default().build()))).await?;
        let missing = nodes.into_iter().filter_map(|node| {
            let status = node.status.unwrap_or_default();
            let why = match status.state? {
                NodeState::READY => return None,
                NodeState::DOWN => "is down, or has left the Swarm",
                NodeState::DISCONNECTED => "is disconnected",
                NodeState::UNKNOWN => "does not say how it is",
            };
            let name = node.description.and_then(|description| description.hostname).or(node.id).unwrap_or_default();
            let message = status.message.filter(|words| !words.is_empty()).map(|words| format!(": {words}")).unwrap_or_default();
            Some((name, format!("{why}{message}")))
        });
        Ok(missing.collect())
    }
}

/// Newest first. A global service has one slot a node.
fn by_slot(tasks: Vec<Task>) -> BTreeMap<String, Vec<Task>> {
    let mut slots: BTreeMap<String, Vec<Task>> = BTreeMap::new();
    for task in tasks {
        let slot = task.slot.map(|slot| slot.to_string()).or_else(|| task.node_id.clone()).unwrap_or_default();
        slots.entry(slot).or_default().push(task);
    }
    for tasks in slots.values_mut() {
        tasks.sort_by_key(|task| std::cmp::Reverse(task.created_at));
    }
    slots
}

/// None: the slot was given up on purpose.
fn container(service: &str, colour: Colour, slot: &str, tasks: &[Task]) -> Option<Container> {
    let newest = tasks.first()?;
    let life = match state(newest) {
        TaskState::RUNNING => Life::Running,
        TaskState::FAILED | TaskState::REJECTED | TaskState::COMPLETE => Life::Ended,
        TaskState::SHUTDOWN | TaskState::REMOVE | TaskState::ORPHANED => return None,
        _ if newest.desired_state == Some(TaskState::REMOVE) => return None,
        _ => Life::Waiting,
    };
    let id = |task: &Task| task.status.as_ref()?.container_status.as_ref()?.container_id.clone();
    let failed = tasks.iter().find(|task| matches!(state(task), TaskState::FAILED | TaskState::REJECTED | TaskState::COMPLETE));
    Some(Container {
        name: format!("{service}.{slot}"),
        // What ended is what has something to say.
        id: failed.filter(|_| life != Life::Running).unwrap_or(newest).status.as_ref().and(id(failed.unwrap_or(newest))),
        colour,
        holds: Holds::App,
        life,
        started_at: changed_at(newest).filter(|_| life == Life::Running),
        ended: failed.and_then(end),
    })
}

fn state(task: &Task) -> TaskState {
    task.status.as_ref().and_then(|status| status.state).unwrap_or(TaskState::NEW)
}

fn changed_at(task: &Task) -> Option<Moment> {
    task.status.as_ref()?.timestamp.map(Moment::from)
}

fn end(task: &Task) -> Option<End> {
    let status = task.status.as_ref()?;
    let code = status.container_status.as_ref().and_then(|container| container.exit_code);
    // `task: non-zero exit (1)` says no more than the code.
    let note = status.err.clone().filter(|words| !words.is_empty() && !words.starts_with("task: non-zero exit"));
    Some(End { at: changed_at(task)?, code, out_of_memory: false, sent: None, note })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(slot: i64, created: &str, state: &str, code: i64) -> Task {
        serde_json::from_value(serde_json::json!({
            "ID": format!("task-{created}"), "Slot": slot, "CreatedAt": created, "DesiredState": "running",
            "Status": {"State": state, "Timestamp": created, "Err": "task: non-zero exit (1)",
                "ContainerStatus": {"ContainerID": format!("container-{created}"), "ExitCode": code}}
        }))
        .unwrap()
    }

    fn slots(tasks: Vec<Task>) -> Vec<Container> {
        by_slot(tasks).into_iter().filter_map(|(slot, tasks)| container("shop-blue", Colour::Blue, &slot, &tasks)).collect()
    }

    #[test]
    fn a_slot_is_what_its_newest_task_is_and_remembers_how_the_last_one_ended() {
        let (first, second) = ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
        let seen = slots(vec![task(1, first, "failed", 1), task(1, second, "running", 0), task(2, first, "running", 0)]);
        let [one, two] = &seen[..] else { panic!("two slots: {seen:?}") };
        assert_eq!(
            (one.name.as_str(), one.life, one.started_at),
            ("shop-blue.1", Life::Running, changed_at(&task(1, second, "running", 0)))
        );
        assert_eq!(one.ended.as_ref().map(ToString::to_string).unwrap(), "ended with exit code 1");
        assert_eq!((two.name.as_str(), two.ended.is_none()), ("shop-blue.2", true));
    }

    #[test]
    fn a_slot_that_was_given_up_is_none() {
        assert_eq!(slots(vec![task(3, "2026-01-01T00:00:00Z", "shutdown", 0)]), []);
    }

    #[test]
    fn a_task_that_failed_is_found_by_its_own_container_s_log() {
        let (first, second) = ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
        let seen = slots(vec![task(1, first, "failed", 1), task(1, second, "starting", 0)]);
        assert_eq!((seen[0].life, seen[0].id.as_deref()), (Life::Waiting, Some("container-2026-01-01T00:00:00Z")));
    }
}
