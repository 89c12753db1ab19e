//! What a service is seen to do, and what that means: pure.

use std::collections::{BTreeMap, HashSet};

use bollard::models::ServiceUpdateStatusStateEnum as State;

use super::task::TaskView;

/// How often the tasks of one slot may end by themselves before they are given up.
const ENDS: usize = 3;

/// How far the Swarm has come with the last change of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Update {
    /// It says nothing: a service that was only created, or a change that it has not taken up yet.
    None,
    /// Under way, or monitored.
    Going,
    /// It stopped because tasks failed: why.
    Paused(String),
    /// All tasks are replaced.
    Completed,
    /// Somebody told the Swarm to go back to the spec before: how far that has come, and why.
    RolledBack(String),
}

impl Update {
    /// As the engine says it.
    pub(super) fn of(state: State, message: Option<String>) -> Self {
        let message = message.unwrap_or_default();
        match state {
            State::EMPTY => Self::None,
            State::UPDATING => Self::Going,
            State::PAUSED => Self::Paused(message),
            State::COMPLETED => Self::Completed,
            State::ROLLBACK_STARTED | State::ROLLBACK_PAUSED | State::ROLLBACK_COMPLETED => Self::RolledBack(format!("{state}: {message}")),
        }
    }
}

/// Which tasks a service is to end up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Those of this deploy alone.
    Deploy(i64),
    /// Those of any other deploy.
    Without(i64),
    /// Any.
    Any,
}

impl Aim {
    /// Whether a task is one of them.
    pub(super) fn takes(self, task: &TaskView) -> bool {
        match self {
            Self::Deploy(deploy) => task.deploy == Some(deploy),
            Self::Without(deploy) => task.deploy != Some(deploy),
            Self::Any => true,
        }
    }
}

/// One look at a service.
#[derive(Debug, Clone)]
pub(super) struct Sight<'a> {
    pub(super) aim: Aim,
    /// How many tasks it is to have.
    pub(super) replicas: u64,
    pub(super) update: &'a Update,
    pub(super) tasks: &'a [TaskView],
    /// The ids of tasks that had failed before all this began.
    pub(super) old_failures: &'a HashSet<String>,
}

/// What it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not there yet: how far.
    Going(String),
    /// Those that are to run do, and no others.
    Ready,
    /// It will not get there: why.
    Failed(String),
}

impl Sight<'_> {
    /// What it means.
    pub(super) fn verdict(&self) -> Verdict {
        if let Some(why) = self.failure() {
            return Verdict::Failed(why);
        }
        let running = self.ours().filter(|task| task.is_wanted && task.is_up()).count();
        let wanted = usize::try_from(self.replicas).unwrap_or(usize::MAX);
        let leaving = self.tasks.iter().filter(|task| self.is_leaving(task)).count();
        if running == wanted && leaving == 0 {
            return Verdict::Ready;
        }
        let mut words = vec![format!("{running} of {wanted} run")];
        words.extend((leaving > 0).then(|| format!("{leaving} still to end")));
        words.extend(self.stuck().map(|task| format!("task {} {}", task.slot, task.words())));
        Verdict::Going(words.join(", "))
    }

    /// The first task that is to run and does not; where a slot fails again and again, as it failed last.
    pub(super) fn stuck(&self) -> Option<&TaskView> {
        let waiting = self.ours().find(|task| task.is_wanted && !task.is_up() && task.trouble.is_some());
        let failed = || self.fresh_failures().max_by_key(|task| task.made);
        waiting.or_else(failed).or_else(|| self.ours().find(|task| task.is_wanted && !task.is_up()))
    }

    /// One that is not to be there, and is or may yet come.
    fn is_leaving(&self, task: &TaskView) -> bool {
        match (self.aim.takes(task), task.is_wanted) {
            (true, true) => false,
            (true, false) | (false, false) => task.holds_on(),
            (false, true) => true,
        }
    }

    fn ours(&self) -> impl Iterator<Item = &TaskView> {
        self.tasks.iter().filter(|task| self.aim.takes(task))
    }

    fn fresh_failures(&self) -> impl Iterator<Item = &TaskView> {
        self.ours().filter(|task| task.has_failed() && !self.old_failures.contains(&task.id))
    }

    fn failure(&self) -> Option<String> {
        let last = || self.fresh_failures().max_by_key(|task| task.made);
        let words = |task: &TaskView| format!("task {} {}", task.slot, task.words());
        match self.update {
            Update::None | Update::Going | Update::Completed => {}
            Update::Paused(message) => return Some(last().map_or_else(|| format!("the Swarm stopped the update: {message}"), words)),
            Update::RolledBack(message) => return Some(format!("somebody rolled it back meanwhile ({message})")),
        }
        let mut ends: BTreeMap<i64, usize> = BTreeMap::new();
        for task in self.fresh_failures() {
            *ends.entry(task.slot).or_default() += 1;
        }
        let again = ends.values().any(|count| *count >= ENDS);
        last().filter(|_| again).map(|task| format!("{}, {ENDS} times in a row", words(task)))
    }
}
