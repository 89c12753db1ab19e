//! Tasks as instances of the app.

use super::task::TaskView;
use crate::domain::colour::Colour;
use crate::runtime::instance::Instance;

/// A task as an instance: it has the name of its container, which is what its heartbeat calls itself.
pub(super) fn instance(colour: Colour, service: &str, task: &TaskView, all: &[TaskView]) -> Instance {
    let same = |other: &&TaskView| other.slot == task.slot && other.deploy == task.deploy && other.has_failed();
    Instance {
        colour,
        name: format!("{service}.{}.{}", task.slot, task.id),
        address: None,
        version: task.version.clone(),
        image: task.image.clone(),
        node: task.node.as_ref().map(|node| node.name.clone()),
        id: Some(task.id.clone()),
        since: task.made,
        restarts: u32::try_from(all.iter().filter(same).count()).unwrap_or(u32::MAX),
        running: task.is_up(),
        note: note(task),
    }
}

fn note(task: &TaskView) -> Option<String> {
    let silent = task.node.as_ref().is_some_and(|node| !node.is_heard);
    match (task.is_up(), silent) {
        (true, false) => None,
        (true, true) => Some("its node is silent".to_owned()),
        (false, _) => Some(task.words()),
    }
}

/// `1 task`, `3 tasks`
pub(super) fn count(tasks: u64) -> String {
    format!("{tasks} {}", if tasks == 1 { "task" } else { "tasks" })
}
