//! The steps of a watcher that take notices to channels.

use super::plan::millis;
use super::report::Violation;
use super::truth::Take;
use super::watcher::{Condition, Sent, Step};
use super::world::World;

/// A courier looks at least so often.
const POLL: i64 = 500;
/// A claim lasts so long.
const CLAIM: i64 = 10_000;

impl World {
    pub(super) async fn courier(&mut self, number: usize, channel: usize) -> Result<(), Box<Violation>> {
        let later = self.put_off(number);
        let courier = &mut self.watchers[number].couriers[channel];
        match (later, &mut courier.sent) {
            (Some(later), Some(sent)) => sent.answered_at = later,
            (Some(later), None) => courier.next_poll = later,
            (None, Some(_)) => self.settle(number, channel).await,
            (None, None) => return self.claim(number, channel).await,
        }
        Ok(())
    }

    async fn claim(&mut self, number: usize, channel: usize) -> Result<(), Box<Violation>> {
        let next_poll = self.now + POLL + self.dice.between(0, 20);
        self.watchers[number].couriers[channel].next_poll = next_poll;
        let Some(monitor) = self.watchers[number].monitor.clone().filter(|_| self.state.is_untold) else { return Ok(()) };
        let doom = self.watchers[number].doomed(Step::Claim);
        if let Some(fuse) = doom.and_then(|doom| doom.fuse) {
            self.ground.arm(fuse);
        }
        let claimed = monitor.claim(&self.plan.channels[channel], self.clock(self.now)).await;
        if let Some(doom) = doom {
            self.ground.disarm();
            self.kill(number, &format!("{doom:?}"));
            return Ok(());
        }
        let Ok(Some(claimed)) = claimed else { return Ok(()) };
        let is_reachable = self.watchers[number].condition != Condition::CutOff;
        let loses = self.loses_answers();
        let attempt = self.channels[channel].attempt(&mut self.dice, loses, is_reachable);
        self.story.say(self.now, format_args!("watcher {number} sends {}: {attempt:?}", claimed.notice().key));
        self.state.active_at = self.now;
        let notice = claimed.notice().clone();
        self.forgive_who_was_held_up(channel, &notice.key);
        self.watchers[number].couriers[channel].sent =
            Some(Sent { claimed, sent_at: self.now, answered_at: self.now + attempt.takes, attempt });
        if !self.watchers[number].couriers[channel].sent.as_ref().is_some_and(|sent| sent.attempt.is_taken) {
            return Ok(());
        }
        if let Some(complaint) = self.truth.complaint(channel, &notice) {
            return Err(self.violation(format!("{}: {complaint}", self.plan.channels[channel].name)));
        }
        let since = self.true_time(millis(notice.since), millis(notice.at));
        let take = Take { channel, notice, since };
        self.told_in_quiet(&take).await?;
        self.told_rightly(&take)?;
        self.told_of_one_beginning(&take)?;
        self.truth.takes.push(take);
        Ok(())
    }

    /// Whoever has sent this and stands still, or waits for the store, longer than its claim lasts, has hidden its receipt.
    fn forgive_who_was_held_up(&mut self, channel: usize, key: &str) {
        let is_held_up = |sent: &Sent| sent.claimed.notice().key == key && sent.attempt.is_taken && self.now - sent.sent_at >= CLAIM;
        let held_up =
            self.watchers.iter().filter_map(|watcher| watcher.couriers[channel].sent.as_ref()).filter(|sent| is_held_up(sent)).count();
        (0..held_up).for_each(|_| self.truth.hide(channel, key));
    }

    async fn settle(&mut self, number: usize, channel: usize) {
        let Some(monitor) = self.watchers[number].monitor.clone() else { return };
        let doom = self.watchers[number].doomed(Step::Settle);
        if doom.is_some_and(|doom| doom.fuse.is_some()) {
            // The channel has it, and the receipt is lost.
            return self.kill(number, &format!("{doom:?}"));
        }
        let courier = &mut self.watchers[number].couriers[channel];
        let Some(sent) = courier.sent.take() else { return };
        courier.next_poll = self.now;
        if sent.attempt.is_taken && sent.attempt.answer.is_err() {
            self.truth.hide(channel, &sent.claimed.notice().key);
        }
        let rule = &self.plan.channels[channel];
        let settled = monitor.settle(rule, &sent.claimed, &sent.attempt.answer, self.clock(self.now)).await;
        settled.unwrap();
        self.state.active_at = self.now;
        if let Some(doom) = doom {
            self.kill(number, &format!("{doom:?}"));
        } else {
            self.wake();
        }
        self.look();
    }
}
