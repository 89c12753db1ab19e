//! Time in which nothing happens is passed over: that is how a world lives for months.

use super::watcher::Condition;
use super::world::{Event, World};

/// What is shorter is lived through.
const WORTH_IT: i64 = 4_000;
/// So long before the next act every step is taken.
const BEFORE: i64 = 700;

impl World {
    pub(super) fn pass_over_what_is_idle(&mut self) {
        let senders = &self.senders;
        self.agenda.forget_first(|event| match event {
            Event::GiveUp { sender, attempt } | Event::Try { sender, attempt } => !senders[*sender].is_trying(*attempt),
            _ => false,
        });
        let next = self.agenda.next().unwrap_or(self.now);
        let is_idle = self.now - self.state.active_at > self.plan.sweep_every
            && self.now - self.state.gap_ended_at >= 2 * BEFORE
            && self.now >= self.state.stalled_until
            && next - self.now > WORTH_IT
            && self.watchers.iter().all(|watcher| watcher.condition == Condition::Running && watcher.is_idle());
        if !is_idle {
            return;
        }
        let sight = self.ground.sight();
        let offset = self.offset();
        let due = sight.next.map_or(i64::MAX, |next| next.saturating_sub(offset));
        let to = next.min(due) - BEFORE;
        if to - self.now <= WORTH_IT {
            // Not asked again at every step.
            self.state.active_at = self.now;
            return;
        }
        self.ground.pass_over(self.clock(to), self.clock(to - BEFORE));
        self.now = to;
        self.state.swept_at = to;
        for watcher in &mut self.watchers {
            (watcher.next_sweep, watcher.last_sweep) = (to + 50, to);
            watcher.couriers.iter_mut().for_each(|courier| courier.next_poll = to + 60);
        }
    }
}
