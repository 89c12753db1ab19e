//! Everything heals; then nothing may be left over.

use std::collections::BTreeSet;

use allswell::store::incidents;

use super::channel::Mood;
use super::judge::recovery;
use super::plan::SECOND;
use super::report::{Report, Violation};
use super::watcher::Condition;
use super::world::World;

/// So many beats of each sender must have been stored by then.
const BEATS: usize = 3;

impl World {
    /// Whether all is well and there was time enough to say so.
    pub(super) fn is_over(&mut self) -> bool {
        if self.state.healed_at.is_none() && self.state.works >= self.plan.works {
            self.heal();
        }
        let Some(healed_at) = self.state.healed_at else { return false };
        let is_quiet = !self.state.is_untold && !self.state.is_open && self.now - healed_at > 20 * SECOND;
        let had_time = is_quiet || (self.now - healed_at > recovery(self.plan.pace) && !self.ground.is_being_told(self.clock(self.now)));
        had_time && self.senders.iter().all(|sender| sender.delivered >= BEATS)
    }

    fn heal(&mut self) {
        self.state.healed_at = Some(self.now);
        self.story.say(self.now, format_args!("from now on all is well"));
        for sender in &mut self.senders {
            (sender.silent_until, sender.failing) = (0, 0);
        }
        for channel in &mut self.channels {
            channel.set(Mood::Well, self.now);
        }
        self.state.next_commit_takes = None;
        for watcher in &mut self.watchers {
            watcher.doom = None;
            if watcher.condition == Condition::Suspended {
                watcher.next_sweep = self.now;
            }
            if watcher.condition == Condition::CutOff {
                watcher.condition = Condition::Running;
            }
        }
    }

    pub(super) async fn end(mut self) -> Result<Report, Box<Violation>> {
        let mut reader = self.ground.store.read().await.unwrap();
        let open = incidents::open(&mut reader).await.unwrap();
        let over = incidents::newest_resolved(&mut reader, 10_000).await.unwrap();
        drop(reader);
        if let Some(stored) = open.first() {
            return Err(self.violation(format!("everything is well, and this is open: {stored:?}")));
        }
        let sight = self.ground.sight();
        if sight.is_untold {
            return Err(self.violation(format!("this waits for a channel that is well: {:?}", self.ground.untold())));
        }
        self.all_ends_are_told()?;
        for stored in over {
            self.told_with_others(&stored)?;
            let incident = &stored.incident;
            let about = |take: &&super::truth::Take| take.notice.subject.incident == incident.key;
            let ended: BTreeSet<usize> =
                self.truth.takes.iter().filter(about).filter(|take| take.is_end()).map(|take| take.channel).collect();
            let told = self.truth.takes.iter().filter(about).find(|take| !ended.contains(&take.channel));
            if let Some(take) = told {
                return Err(self.violation(format!("{} was told on channel {}, and its end was not", take.notice.key, take.channel)));
            }
        }
        for (run, sequence) in std::mem::take(&mut self.truth.acknowledged) {
            match self.ground.count(run, sequence) {
                1 => {}
                0 => return Err(self.violation(format!("the beat {run}/{sequence} was acknowledged and is not in the store"))),
                count => return Err(self.violation(format!("the beat {run}/{sequence} is in the store {count} times"))),
            }
        }
        Ok(Report {
            seed: self.seed,
            millis: self.now,
            beats: self.truth.checks.iter().map(|known| known.stored.len()).sum(),
            missed: self.truth.missed,
            taken: self.truth.takes.len(),
            gathered: self.truth.takes.iter().filter(|take| take.is_of_what_was_over()).count(),
            faults: self.state.faults,
            digest: self.story.digest(),
        })
    }
}
