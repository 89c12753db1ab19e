//! Silence is noticed here, and what was held for its cause is decided.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::HistogramVec;

use super::deaf::Cut;
use super::engine::{Monitor, MonitorError};
use super::mark::{LISTENING, MARK, Mark};
use super::others::Others;
use super::pulse::MARK_EVERY;
use super::scene::Scene;
use super::{cause, decide, ended, follow, group, others, quieting};
use crate::clock;
use crate::domain::moment::Moment;
use crate::store::checks::StoredCheck;
use crate::store::{Connection, StoreError, checks, facts, follow_ups, groups, incidents, quiets};
use crate::telemetry::metrics;

/// What arrives now may be committed within this time: silence is looked for so far back.
const BEHIND: Duration = Duration::from_millis(500);
/// After a longer time without a sweep, what was sent meanwhile has not even arrived.
const STOOD_STILL: Duration = Duration::from_secs(1);

/// So many checks at most are looked at in one commit.
const PAGE: u32 = 5_000;

static SWEEP: LazyLock<HistogramVec> = LazyLock::new(|| metrics::histogram("allswell_sweep_seconds"));

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many checks were looked at.
    pub looked: usize,
    /// Every deadline up to here was looked at.
    pub until: Moment,
}

/// What is to be done about what is open.
struct Open {
    /// Whether it has a cause is to be decided.
    waiting: Vec<String>,
    /// It is to be reminded of, escalated or told at last.
    following: Vec<String>,
    /// Somebody's quiet is over.
    is_quiet_over: bool,
    /// The last of a group is well.
    is_group_over: bool,
    /// Everything that this process had heard until then is committed.
    committed: Moment,
}

impl Open {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.following.is_empty() && !self.is_quiet_over && !self.is_group_over
    }
}

impl Monitor {
    /// Looks at every deadline up to half a second ago, but never beyond a beat that has arrived and is not committed yet, and at none while we
    /// could hear nobody: this host `is_on_no_network`, and nobody beside us spoke.
    ///
    /// # Errors
    /// Where the store does not work; then nothing has changed.
    pub async fn sweep(&self, now: Moment, is_on_no_network: bool) -> Result<Swept, MonitorError> {
        let (cut, heard) = (Cut::now(is_on_no_network, self.outward()), self.arrivals.latest());
        let deaf = self.deafness.at(now, cut, heard, heard.max(self.outward().reached_at()));
        self.pulse.hears(deaf.map(|deaf| deaf.cut.words()));
        if deaf.is_some() {
            // As if none had run: the mark stays where it is, and our own all's well is withheld.
            let until = self.mark().map_or(now, |mark| mark.until);
            return Ok(Swept { looked: 0, until });
        }
        let began = clock::elapsed();
        let swept = match self.step(now).await {
            Ok(swept) => {
                self.pulse.swept(now);
                Ok(swept)
            }
            Err(error) => self.noted(Err(error), now),
        };
        SWEEP.with_label_values::<&str>(&[]).observe((clock::elapsed() - began).as_secs_f64());
        swept
    }

    async fn step(&self, now: Moment) -> Result<Swept, MonitorError> {
        if let Some(until) = self.is_perhaps_still_blind(now) {
            return Ok(Swept { looked: 0, until });
        }
        self.end_blindness(now).await?;
        let last = self.mark();
        // Once, and not again and again on a machine that is slow: then nothing would ever be told.
        let stood_still = last.is_some_and(|last| now.since(last.at) > STOOD_STILL && last.listens_until <= last.at);
        let listens_until = if stood_still { now + LISTENING } else { last.map_or(now, |last| last.listens_until) };
        let mut reader = self.store.read().await?;
        let committed = self.arrivals.oldest().unwrap_or(now);
        let others = if self.store.is_shared() { Others::read(&mut reader).await? } else { Others::default() };
        let arrived = (now - BEHIND).min(committed).min(others.until(self.process, now).unwrap_or(now));
        let until = match last {
            Some(last) if now < listens_until || self.is_unsure(&mut reader, arrived, now).await? => last.until,
            Some(_) | None => arrived,
        };
        let is_any_due = checks::is_any_due(&mut reader, until).await?;
        let open = Open {
            waiting: incidents::to_decide(&mut reader, now, PAGE).await?,
            following: follow_ups::due(&mut reader, now).await?,
            is_quiet_over: quiets::is_any_over(&mut reader, now).await?,
            is_group_over: !groups::empty(&mut reader).await?.is_empty(),
            committed,
        };
        let marked: Option<Mark> = facts::get(&mut reader, MARK).await?;
        drop(reader);
        let mark = Mark { at: now, until, listens_until };
        let is_mark_due = marked.is_none_or(|marked| now.since(marked.at) >= MARK_EVERY) || others.is_due(self.process, now);
        let mut looked = 0;
        if is_mark_due || is_any_due || !open.is_idle() {
            looked = self.look(mark, open).await?;
            self.pulse.committed(now);
            self.wake.notify_waiters();
        }
        self.set_mark(mark);
        Ok(Swept { looked, until })
    }

    /// Until when everything was looked at, where we were blind and nothing says yet that we are not: somebody is asked. A deadline moves but once,
    /// and not while we are still cut off.
    fn is_perhaps_still_blind(&self, now: Moment) -> Option<Moment> {
        let last = self.mark().filter(|last| last.is_long_ago(now))?;
        (self.outward().is_in_doubt(self.arrivals.latest(), now) && self.outward().ask(now)).then_some(last.until)
    }

    /// Whether silence up to `until` is not to be believed yet: nobody speaks, and whether our way outward works is being asked.
    async fn is_unsure(&self, reader: &mut Connection, until: Moment, now: Moment) -> Result<bool, StoreError> {
        let is_in_doubt = self.outward().is_in_doubt(self.arrivals.latest(), now);
        Ok(is_in_doubt && checks::is_any_due(reader, until).await? && self.outward().ask(now))
    }

    /// Page by page, each in a commit of its own: a beat waits for one page and not for all. The last one has whatever else is to be decided,
    /// and how far we have come. Says how many were looked at.
    async fn look(&self, mark: Mark, mut open: Open) -> Result<usize, MonitorError> {
        let is_page = |length: usize| u32::try_from(length).is_ok_and(|length| length >= PAGE);
        let (mut looked, mut last, mut more_due) = (0, None, true);
        loop {
            let mut transaction = self.store.begin().await?;
            transaction.batch();
            let scene = self.scene(&mut transaction, mark.at).await?.gathering();
            let due = if more_due { checks::due(&mut transaction, mark.until, last.as_ref(), PAGE).await? } else { Vec::new() };
            let more_waiting = is_page(open.waiting.len());
            (more_due, looked, last) = (is_page(due.len()), looked + due.len(), due.last().cloned());
            let keys: Vec<String> = due.iter().filter_map(|stored| decide::foresee(&scene, stored, mark.until)).collect();
            let scene = scene.expecting(keys.len());
            Self::look_at_page(&mut transaction, &scene, mark, due, &keys).await?;
            self.decide_waiting(&mut transaction, &scene, &open.waiting).await?;
            if !more_due && !more_waiting {
                self.end_look(&mut transaction, &scene, mark, &open).await?;
                transaction.commit().await?;
                return Ok(looked);
            }
            group::tell(&mut transaction, &scene).await?;
            transaction.commit().await?;
            self.wake.notify_waiters();
            let mut reader = self.store.read().await?;
            open.waiting = if more_waiting { incidents::to_decide(&mut reader, mark.at, PAGE).await? } else { Vec::new() };
        }
    }

    /// `keys`: of the incidents that are expected to open.
    async fn look_at_page(
        connection: &mut Connection,
        scene: &Scene<'_>,
        mark: Mark,
        page: Vec<StoredCheck>,
        keys: &[String],
    ) -> Result<(), StoreError> {
        incidents::read_ahead(connection, keys, &page.iter().map(|stored| stored.name.as_str()).collect()).await?;
        // A key that is used already is not used again, and another would be looked up.
        follow_ups::expect_none(connection, keys);
        if scene.is_crowd {
            tracing::warn!(flips = keys.len(), first = keys.first(), "so many flip at once that only the store has each of them");
        }
        for stored in page {
            decide::look(connection, scene, stored, mark.until).await?;
        }
        Ok(())
    }

    async fn decide_waiting(&self, connection: &mut Connection, scene: &Scene<'_>, waiting: &[String]) -> Result<(), StoreError> {
        for key in waiting {
            let stored = incidents::find(connection, key).await?;
            if let Some(stored) = stored.filter(|stored| stored.decide_at.is_some_and(|decide_at| decide_at <= scene.now)) {
                match stored.incident.resolved_at {
                    Some(_) => ended::decide(connection, scene, stored).await?,
                    None => cause::decide(connection, scene, stored).await?,
                }
            }
        }
        Ok(())
    }

    async fn end_look(&self, connection: &mut Connection, scene: &Scene<'_>, mark: Mark, open: &Open) -> Result<(), StoreError> {
        quieting::end_all(connection, scene).await?;
        group::tell(connection, scene).await?;
        group::end_empty(connection, scene).await?;
        for key in &open.following {
            follow::look(connection, scene, key).await?;
        }
        if self.store.is_shared() {
            others::say(connection, self.process, open.committed, mark.at).await?;
        }
        facts::set(connection, MARK, &mark).await
    }
}
