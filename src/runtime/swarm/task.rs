//! One task of a service: what is known of one container that is to run, runs or has run.

use std::collections::HashMap;

use bollard::models::{Task, TaskState};

use super::manager::Node;
use super::spec::deploy_of;
use crate::domain::moment::Moment;

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskView {
    /// Its id.
    pub(super) id: String,
    /// Its number in the service.
    pub(super) slot: i64,
    /// The deploy that made it, where one did.
    pub(super) deploy: Option<i64>,
    /// Where it runs, as soon as that is decided.
    pub(super) node: Option<Node>,
    /// How far it has come.
    pub(super) state: TaskState,
    /// Whether the Swarm wants it to run.
    pub(super) is_wanted: bool,
    /// What went wrong, in the Swarm's words.
    pub(super) trouble: Option<String>,
    /// Whether it ever had a container.
    pub(super) had_container: bool,
    /// When it was made.
    pub(super) made: Option<Moment>,
    /// The image that it runs.
    pub(super) image: Option<String>,
    /// The version that it runs.
    pub(super) version: Option<String>,
}

impl TaskView {
    /// As the engine lists it.
    pub(super) fn of(task: Task, nodes: &HashMap<String, Node>) -> Option<Self> {
        let status = task.status.unwrap_or_default();
        let container = task.spec.and_then(|spec| spec.container_spec).unwrap_or_default();
        let labels = container.labels.unwrap_or_default();
        Some(Self {
            id: task.id?,
            slot: task.slot.unwrap_or_default(),
            deploy: deploy_of(&labels),
            node: task.node_id.and_then(|id| nodes.get(&id).cloned()),
            state: status.state?,
            is_wanted: task.desired_state.is_some_and(|state| state <= TaskState::RUNNING),
            trouble: status.err.filter(|err| !err.is_empty()),
            had_container: status.container_status.and_then(|container| container.container_id).is_some_and(|id| !id.is_empty()),
            made: task.created_at.map(Moment::from),
            image: container.image,
            version: labels.get(super::spec::VERSION).cloned(),
        })
    }

    /// Whether it may be serving.
    pub(super) fn is_up(&self) -> bool {
        self.state == TaskState::RUNNING
    }

    /// Whether it still has something running: it is up, or starts. What runs on a node that nobody hears is not known, and is not waited for.
    pub(super) fn holds_on(&self) -> bool {
        (TaskState::PREPARING..=TaskState::RUNNING).contains(&self.state) && self.node.as_ref().is_none_or(|node| node.is_heard)
    }

    /// Whether it has ended by itself, or never could begin.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.state, TaskState::FAILED | TaskState::REJECTED | TaskState::COMPLETE)
    }

    /// `on n2: rejected: No such image: shop:9`
    pub(super) fn words(&self) -> String {
        let node = self.node.as_ref().map(|node| format!("on {}: ", node.name)).unwrap_or_default();
        let trouble = match (self.state, &self.trouble) {
            (_, Some(trouble)) => format!(": {trouble}"),
            // The engine ends a container that its health check calls sick, and the Swarm knows no more than that it ended.
            (TaskState::COMPLETE, None) => ": it ended with exit code 0, by itself or because its health check said no".to_owned(),
            (_, None) => String::new(),
        };
        format!("{node}{}{trouble}", self.state)
    }
}
