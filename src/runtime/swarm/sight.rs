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

#[cfg(test)]
mod tests {
    use bollard::models::TaskState;

    use super::*;

    fn task(id: &str, slot: i64, deploy: i64, state: TaskState) -> TaskView {
        TaskView {
            id: id.to_owned(),
            slot,
            deploy: Some(deploy),
            node: None,
            state,
            is_wanted: state <= TaskState::RUNNING,
            trouble: None,
            had_container: true,
            made: None,
            image: None,
            version: None,
        }
    }

    fn verdict(aim: Aim, replicas: u64, update: &Update, tasks: &[TaskView]) -> Verdict {
        Sight { aim, replicas, update, tasks, old_failures: &HashSet::from(["old".to_owned()]) }.verdict()
    }

    #[test]
    fn it_is_ready_when_all_the_new_tasks_run_and_the_old_ones_have_ended() {
        let new = task("a", 1, 7, TaskState::RUNNING);
        let mut old = task("b", 1, 6, TaskState::RUNNING);
        old.is_wanted = false;
        let both = [new.clone(), old.clone()];
        assert!(matches!(verdict(Aim::Deploy(7), 1, &Update::Going, &both), Verdict::Going(_)), "the old one still answers");
        old.state = TaskState::SHUTDOWN;
        assert_eq!(verdict(Aim::Deploy(7), 1, &Update::Going, &[new.clone(), old.clone()]), Verdict::Ready);
        assert!(matches!(verdict(Aim::Deploy(7), 2, &Update::Going, &[new, old]), Verdict::Going(_)), "one of two");
        assert_eq!(verdict(Aim::Any, 0, &Update::None, &[]), Verdict::Ready);
    }

    #[test]
    fn what_is_put_back_is_not_there_before_the_new_tasks_are_gone() {
        let old = task("b", 1, 6, TaskState::RUNNING);
        let waiting = task("a", 1, 7, TaskState::PENDING);
        assert!(matches!(verdict(Aim::Without(7), 1, &Update::None, &[old.clone(), waiting]), Verdict::Going(_)), "it may yet start");
        let rejected = TaskView { is_wanted: false, ..task("a", 1, 7, TaskState::REJECTED) };
        assert_eq!(verdict(Aim::Without(7), 1, &Update::None, &[old, rejected]), Verdict::Ready);
    }

    #[test]
    fn a_paused_update_and_a_rollback_by_hand_are_failures() {
        let mut failed = task("a", 1, 7, TaskState::REJECTED);
        failed.trouble = Some("No such image: shop:9".to_owned());
        let paused = Update::of(State::PAUSED, Some("update paused".to_owned()));
        let Verdict::Failed(why) = verdict(Aim::Deploy(7), 1, &paused, &[failed]) else { panic!("it is a failure") };
        assert_eq!(why, "task 1 rejected: No such image: shop:9");
        for state in [State::ROLLBACK_STARTED, State::ROLLBACK_PAUSED, State::ROLLBACK_COMPLETED] {
            let update = Update::of(state, None);
            assert!(matches!(verdict(Aim::Deploy(7), 1, &update, &[]), Verdict::Failed(_)), "{update:?}");
        }
    }

    #[test]
    fn a_task_that_ends_again_and_again_is_given_up_and_what_failed_before_does_not_count() {
        let ended = |ids: &[&str]| ids.iter().map(|id| task(id, 1, 7, TaskState::FAILED)).collect::<Vec<_>>();
        assert!(matches!(verdict(Aim::Any, 1, &Update::None, &ended(&["a", "b"])), Verdict::Going(_)));
        assert!(matches!(verdict(Aim::Any, 1, &Update::None, &ended(&["a", "b", "old"])), Verdict::Going(_)));
        assert!(matches!(verdict(Aim::Any, 1, &Update::None, &ended(&["a", "b", "c"])), Verdict::Failed(_)));
    }
}
