//! The steps of a watcher that have to do with beats and silence.

use allswell::domain::beat::BeatKind;
use allswell::domain::sent::Sent;
use allswell::monitor::{Ack, Arrived, Monitor};

use super::report::Violation;
use super::watcher::{Arrival, Condition, Flight, Step};
use super::world::{Event, World};

impl World {
    /// A watcher's process begins.
    pub(super) async fn begin(&mut self, number: usize) {
        let monitor = Monitor::new(self.ground.store.clone(), self.plan.settings());
        if self.watchers.len() == 1 {
            monitor.release_claims().await.unwrap();
        }
        monitor.start(self.clock(self.now)).await.unwrap();
        let watcher = &mut self.watchers[number];
        watcher.monitor = Some(monitor);
        watcher.life += 1;
        watcher.condition = Condition::Running;
        watcher.doom = None;
        watcher.next_sweep = self.now + self.dice.between(0, 200);
        watcher.couriers.iter_mut().for_each(|courier| courier.next_poll = self.now);
        self.state.active_at = self.now;
        self.story.say(self.now, format_args!("watcher {number} begins"));
    }

    /// Its process ends, and everything in its memory with it.
    pub(super) fn kill(&mut self, number: usize, why: &str) {
        self.state.faults += 1;
        self.allow_for_claims();
        let outage = self.outage();
        let watcher = &mut self.watchers[number];
        watcher.condition = Condition::Dead;
        watcher.monitor = None;
        watcher.life += 1;
        watcher.next_sweep = i64::MAX;
        let lost: Vec<Flight> = watcher.queue.drain(..).chain(watcher.batch.drain(..)).collect();
        for (channel, courier) in watcher.couriers.iter_mut().enumerate() {
            if let Some(sent) = courier.sent.take()
                && sent.attempt.is_taken
            {
                self.truth.hide(channel, &sent.claimed.notice().key);
            }
        }
        for Flight { sender, attempt, .. } in lost {
            self.try_again(sender, attempt);
        }
        self.agenda.set(self.now + outage, Event::Back { watcher: number });
        self.story.say(self.now, format_args!("watcher {number} dies: {why}, for {outage} ms"));
    }

    pub(super) fn arrive(&mut self, number: usize, life: u64, arrival: Arrival) {
        let Arrival { beat, sender, attempt, at } = arrival;
        let dated = self.clock(at);
        let watcher = &mut self.watchers[number];
        let Some(monitor) = watcher.monitor.as_ref().filter(|_| watcher.life == life) else {
            return self.try_again(sender, attempt);
        };
        if watcher.condition == Condition::Suspended {
            let at = watcher.next_sweep + 5;
            let arrival = Box::new(Arrival { beat, sender, attempt, at: at.max(self.now) });
            return self.agenda.set(at.max(self.now), Event::Arrive { watcher: number, life, arrival });
        }
        self.state.heard_at = self.now;
        self.story.say(self.now, format_args!("watcher {number} hears {} {} at {dated}", beat.check, beat.identity.sequence));
        let arrived = Arrived { key_id: "k".into(), beat, arrival: monitor.arrivals().arrive(|| dated), sent: Sent::default() };
        watcher.queue.push(Flight { arrived, at, sender, attempt });
        if watcher.batch.is_empty() {
            self.next_batch(number);
        }
    }

    /// What waits goes into the next commit.
    fn next_batch(&mut self, number: usize) {
        let takes = self.state.next_commit_takes.take().unwrap_or_else(|| match self.dice.below(20) {
            0 => self.dice.between(100, 420),
            _ => self.dice.between(1, 20),
        });
        let watcher = &mut self.watchers[number];
        if watcher.queue.is_empty() {
            return;
        }
        watcher.batch = std::mem::take(&mut watcher.queue);
        self.agenda.set(self.now + takes, Event::Commit { watcher: number, life: watcher.life, began: self.now });
    }

    pub(super) async fn commit(&mut self, number: usize, life: u64, began: i64) -> Result<(), Box<Violation>> {
        if self.watchers[number].life != life {
            return Ok(());
        }
        if let Some(later) = self.put_off(number) {
            self.agenda.set(later, Event::Commit { watcher: number, life, began });
            return Ok(());
        }
        // While a commit is under way the clock does not step: one that is not written by then takes its moment afterwards.
        let steady_since = self.state.clocks.last().map_or(began, |(since, _)| *since);
        let began = if self.dice.chance(500) { began.max(steady_since) } else { self.now };
        let Some(monitor) = self.watchers[number].monitor.clone() else { return Ok(()) };
        let batch = std::mem::take(&mut self.watchers[number].batch);
        let doom = self.watchers[number].doomed(Step::Ingest);
        if let Some(fuse) = doom.and_then(|doom| doom.fuse) {
            self.ground.arm(fuse);
        }
        let (arrived, flights): (Vec<Arrived>, Vec<_>) =
            batch.into_iter().map(|flight| (flight.arrived, (flight.at, flight.sender, flight.attempt))).unzip();
        let answers = monitor.ingest(&arrived, self.clock(began)).await;
        self.state.active_at = self.now;
        for ((arrived, (at, sender, attempt)), answer) in arrived.iter().zip(flights).zip(answers) {
            self.story.say(self.now, format_args!("watcher {number} commits {}: {answer:?}", arrived.beat.check));
            if answer == Ok(Ack::Stored) {
                self.stored(arrived, at).await?;
            }
            match answer {
                Err(_) => self.try_again(sender, attempt),
                Ok(_) if doom.is_some() || self.dice.chance(15) => self.try_again(sender, attempt),
                Ok(_) => self.acknowledge(sender, arrived.beat.identity.run, arrived.beat.identity.sequence),
            }
        }
        drop(arrived);
        if let Some(doom) = doom {
            self.ground.disarm();
            self.kill(number, &format!("{doom:?}"));
        } else {
            self.next_batch(number);
            self.wake();
        }
        self.look();
        self.note_what_is_over();
        Ok(())
    }

    /// A beat is in the store.
    async fn stored(&mut self, arrived: &Arrived, at: i64) -> Result<(), Box<Violation>> {
        let beat = &arrived.beat;
        let Some(check) = self.plan.named(&beat.check) else { return Ok(()) };
        let is_bad = beat.kind == BeatKind::Fail;
        if let Some(live) = &beat.live {
            self.truth.heard_of(live, self.now);
        }
        let stored = self.truth.checks[check].store(&self.plan.checks[check], &beat.identity.instance, (at, self.now), is_bad);
        self.told_in_vain(check, stored)?;
        self.heard(check, is_bad);
        if self.plan.checks[check].instances.is_none() {
            self.stands(check, stored).await?;
        }
        Ok(())
    }

    pub(super) async fn sweep(&mut self, number: usize) -> Result<(), Box<Violation>> {
        if self.watchers[number].condition == Condition::Suspended {
            self.resume(number);
        }
        if let Some(later) = self.put_off(number) {
            self.watchers[number].next_sweep = later;
            return Ok(());
        }
        let jitter = self.dice.between(0, 40);
        self.watchers[number].next_sweep = self.now + self.plan.sweep_every + jitter;
        let Some(monitor) = self.watchers[number].monitor.clone() else { return Ok(()) };
        let doom = self.watchers[number].doomed(Step::Sweep);
        if let Some(fuse) = doom.and_then(|doom| doom.fuse) {
            self.ground.arm(fuse);
        }
        let is_cut_off = self.watchers[number].condition == Condition::CutOff;
        let swept = monitor.sweep(self.clock(self.now), is_cut_off).await;
        match &swept {
            Ok(swept) if swept.looked > 0 => self.story.say(self.now, format_args!("watcher {number} looks at {}", swept.looked)),
            Ok(_) => {}
            Err(error) => self.story.say(self.now, format_args!("watcher {number} cannot sweep: {error}")),
        }
        if swept.is_ok() && !is_cut_off {
            self.swept(number);
        }
        if let Some(doom) = doom {
            self.ground.disarm();
            self.kill(number, &format!("{doom:?}"));
        }
        let was_untold = self.state.is_untold;
        let is_anything_new = swept.as_ref().is_ok_and(|swept| swept.looked > 0) || self.state.gap_ended_at == self.now;
        if is_anything_new || was_untold || self.state.is_open {
            self.look();
        }
        if swept.is_ok_and(|swept| swept.looked > 0) || self.state.is_untold != was_untold {
            self.state.active_at = self.now;
            self.wake();
        }
        Ok(())
    }

    /// The system's clock has been set, and the watcher takes that over. No sweep came between.
    pub(super) async fn stepped(&mut self, by: i64) -> Result<(), Box<Violation>> {
        if self.watchers.iter().all(|watcher| watcher.monitor.is_none()) {
            // A clock that is set while nobody runs is as if that time had passed: nobody can know.
            self.agenda.set(self.now + 1_000, Event::Stepped { by });
            return Ok(());
        }
        let offset = self.offset() + by;
        self.state.clocks.push((self.now, offset));
        self.state.faults += 1;
        self.story.say(self.now, format_args!("the clock steps by {by} ms"));
        for number in 0..self.watchers.len() {
            if let Some(monitor) = self.watchers[number].monitor.clone() {
                monitor.redate(|| by);
                monitor.stepped(by, self.clock(self.now)).await.unwrap();
            }
        }
        self.look();
        self.state.active_at = self.now;
        self.wake();
        Ok(())
    }

    /// Until when a step of this watcher waits, if it does.
    pub(super) fn put_off(&mut self, number: usize) -> Option<i64> {
        if self.watchers[number].condition == Condition::Suspended {
            return Some(self.watchers[number].next_sweep + self.dice.between(1, 20));
        }
        (self.now < self.state.stalled_until).then(|| self.state.stalled_until + self.dice.between(0, 20))
    }

    /// Couriers look at once.
    pub(super) fn wake(&mut self) {
        for watcher in &mut self.watchers {
            watcher.couriers.iter_mut().for_each(|courier| courier.next_poll = courier.next_poll.min(self.now + 1));
        }
    }

    pub(super) fn look(&mut self) {
        let sight = self.ground.sight();
        (self.state.is_untold, self.state.is_open) = (sight.is_untold, sight.is_open);
    }
}
