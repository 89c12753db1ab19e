//! The monitor: one store, what is expected, and how far work has come.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, RwLock, watch};
use uuid::Uuid;

use super::arrivals::{Arrival, Arrivals};
use super::deaf::Deafness;
use super::expected::{Expected, MonitorSettings};
use super::heard;
use super::mark::{MARK, Mark};
use super::outward::Outward;
use super::pulse::Pulse;
use super::scene::Scene;
use super::{instead, others, replicas, resolution, strangers};
use crate::domain::check::State;
use crate::domain::incident::key_at;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::domain::roster::Wanted;
use crate::store::checks::{Seen, StoredCheck};
use crate::store::{Connection, Store, StoreError, checks, facts, incidents, instances, made, notices, outbox, quiets};

/// Why a step did not go through.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct MonitorError(#[from] StoreError);

/// Turns beats into flips, incidents and notices, and takes notices to channels. Clones are the same monitor.
#[derive(Debug, Clone)]
pub struct Monitor {
    pub(super) store: Store,
    pub(super) settings: Arc<MonitorSettings>,
    pub(super) arrivals: Arrivals,
    pub(super) pulse: Pulse,
    pub(super) deafness: Deafness,
    /// Held by whoever writes moments down; by one alone while the clock is set.
    pub(super) steady: Arc<RwLock<()>>,
    /// Of all who use this store, we.
    pub(super) process: Uuid,
    /// How far the last sweep of this process came.
    pub(super) mark: Arc<Mutex<Option<Mark>>>,
    pub(super) telling: Arc<watch::Sender<bool>>,
    /// Something may be due: look at the store.
    pub(super) wake: Arc<Notify>,
    pub(super) strangers: strangers::Seen,
}

pub(super) const STOPPED: &str = "stopped";

impl Monitor {
    /// On this store.
    #[must_use]
    pub fn new(store: Store, settings: MonitorSettings) -> Self {
        Self {
            store,
            settings: Arc::new(settings),
            arrivals: Arrivals::default(),
            pulse: Pulse::default(),
            deafness: Deafness::default(),
            steady: Arc::default(),
            process: Uuid::new_v4(),
            mark: Arc::default(),
            telling: Arc::new(watch::Sender::new(true)),
            wake: Arc::default(),
            strangers: strangers::Seen::default(),
        }
    }

    /// Now, by the time that all who use this store have in common.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.store.now()
    }

    /// What it was told.
    #[must_use]
    pub fn settings(&self) -> &MonitorSettings {
        &self.settings
    }

    /// Waits until something may have changed: look at the store. Heard from the call on, not only from the first poll.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        Arc::clone(&self.wake).notified_owned()
    }

    /// A beat arrives now.
    #[must_use]
    pub fn arrive(&self) -> Arrival {
        self.arrivals.arrive(|| self.now())
    }

    /// The beats under way.
    #[must_use]
    pub fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// What is known of our way outward.
    #[must_use]
    pub fn outward(&self) -> &Outward {
        self.deafness.outward()
    }

    /// How far work has come.
    #[must_use]
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Whether other watchers work on the same store.
    #[must_use]
    pub fn is_one_of_many(&self) -> bool {
        self.store.is_shared()
    }

    /// Lets every claim go, before the start: where the store is ours alone, whoever claimed a notice is dead.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn release_claims(&self) -> Result<(), MonitorError> {
        let mut transaction = self.store.begin().await?;
        outbox::release_claims(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Begins: what is expected from now on is in the store, what is not is not. New checks are due from now.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn start(&self, now: Moment) -> Result<(), MonitorError> {
        self.pulse.start(now);
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        let removed = self.forget_removed(&mut transaction).await?;
        transaction.batch();
        for mut stored in self.known(&mut transaction, now).await? {
            let Some(expected) = self.settings.expected(&stored.name) else { continue };
            // What the config names is the config's, however it began.
            stored.made = None;
            // Another schedule, period or grace counts at once.
            match scene.wanted(&expected.name) {
                Some(count) => {
                    checks::save(&mut transaction, stored.clone()).await?;
                    replicas::begin(&mut transaction, &scene, stored, count).await?;
                }
                None => {
                    if stored.wanted.take().is_some() {
                        instances::forget_all(&mut transaction, &stored.name).await?;
                    }
                    let check = expected.at_pace(stored.every_ms);
                    let is_looked_at = stored.look_at.is_some() || stored.state.waits;
                    stored.state = check.renewed(&stored.state, now);
                    stored.look_at = is_looked_at.then(|| stored.state.deadline(&check).min(now));
                    checks::save(&mut transaction, stored).await?;
                }
            }
        }
        for open in incidents::open(&mut transaction).await? {
            let check = &open.incident.check;
            let is_expected = !removed.contains(check) && self.is_watched(check);
            if !is_expected && !made::exists(&mut transaction, check).await? {
                resolution::forget(&mut transaction, &scene, open, "no longer expected: it was taken out of the config").await?;
            }
        }
        instead::of_removed_channels(&mut transaction, &scene).await?;
        // A time in which nobody swept counts from the last sweep, or from the first start: also before the first sweep.
        let marked: Option<Mark> = facts::get(&mut transaction, MARK).await?;
        let mut mark = marked.unwrap_or(Mark { at: now, until: now, listens_until: now });
        if !self.store.is_shared() && mark.no_later_than(now) != mark {
            mark = mark.no_later_than(now);
            facts::set(&mut transaction, MARK, &mark).await?;
        }
        transaction.commit().await?;
        self.set_mark(mark);
        self.pulse.committed(now);
        Ok(())
    }

    /// Forgets the checks that were taken out of the config, and says which these are.
    async fn forget_removed(&self, connection: &mut Connection) -> Result<BTreeSet<String>, StoreError> {
        let mut removed = BTreeSet::new();
        for name in checks::configured(connection).await? {
            if self.settings.expected(&name).is_none() {
                instances::forget_all(connection, &name).await?;
                checks::remove(connection, &name).await?;
                removed.insert(name);
            }
        }
        Ok(removed)
    }

    /// What is expected, as it is known or as it is made at `now`.
    async fn known(&self, connection: &mut Connection, now: Moment) -> Result<Vec<StoredCheck>, StoreError> {
        let names: Vec<&str> = self.settings.checks.iter().map(|expected| expected.name.as_str()).collect();
        checks::read_ahead(connection, &names).await?;
        let mut known = Vec::with_capacity(names.len());
        for expected in self.settings.checks.iter() {
            let found = checks::find(connection, &expected.name).await?;
            known.push(found.unwrap_or_else(|| Self::made(expected, now)));
        }
        Ok(known)
    }

    /// Ends in order: the next start says that it was no crash.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn stop(&self, now: Moment) -> Result<(), MonitorError> {
        let mut transaction = self.store.begin().await?;
        facts::set(&mut transaction, STOPPED, &now).await?;
        others::leave(&mut transaction, self.process).await?;
        Ok(transaction.commit().await?)
    }

    /// Whether every notice is sent, or only those that nobody else can tell. The prober's own monitor tells all only while no watcher acknowledges.
    pub fn set_telling(&self, tells: bool) {
        self.telling.send_replace(tells);
        self.wake.notify_waiters();
    }

    /// Forgets what was written before `before` and is not told: somebody else has told it. What nobody else can tell stays. Says how many.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn withdraw_older(&self, before: Moment, now: Moment) -> Result<u64, MonitorError> {
        let mut transaction = self.store.begin().await?;
        let count = notices::withdraw_older(&mut transaction, before, now).await?;
        transaction.commit().await?;
        Ok(count)
    }

    /// Somebody else goes on telling the open incident of a check whose trouble began at `since`: its end is no longer ours to tell.
    /// Says whether it was until now.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn hand_over(&self, check: &str, since: Moment, now: Moment) -> Result<bool, MonitorError> {
        let mut reader = self.store.read().await?;
        let Some(open) = incidents::open_of(&mut reader, check).await? else { return Ok(false) };
        if open.incident.key != key_at(check, since) || !notices::is_ours(&mut reader, &open.incident.key).await? {
            return Ok(false);
        }
        drop(reader);
        let mut transaction = self.store.begin().await?;
        let count = notices::hand_over(&mut transaction, &open.incident.key, now).await?;
        transaction.commit().await?;
        Ok(count > 0)
    }

    /// The channels that have heard from us of the open incident of a check.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn told(&self, check: &str) -> Result<Vec<String>, MonitorError> {
        let mut reader = self.store.read().await?;
        let Some(open) = incidents::open_of(&mut reader, check).await? else { return Ok(Vec::new()) };
        let about = notices::about(&mut reader, &open.incident.key).await?;
        let mut told: Vec<String> = about.into_iter().filter(|stored| stored.taken_at.is_some()).map(|stored| stored.channel).collect();
        told.sort();
        told.dedup();
        Ok(told)
    }

    pub(super) async fn scene(&self, connection: &mut Connection, now: Moment) -> Result<Scene<'_>, StoreError> {
        let quiet = quiets::all(&mut *connection).await?;
        Ok(Scene { settings: &self.settings, live: heard::read(connection).await?, now, quiet, gathered: None, is_crowd: false })
    }

    /// A check that was made at `now`.
    pub(super) fn made(expected: &Expected, now: Moment) -> StoredCheck {
        let state = State::new(&expected.check, now);
        let look_at = Some(state.deadline(&expected.check));
        let wanted = expected.instances.map(|count| Wanted::new(count, now));
        StoredCheck { name: expected.name.clone(), state, look_at, every_ms: None, seen: Seen::default(), wanted, made: None }
    }

    /// Whether it is told of us, and nobody beats for it.
    pub(super) fn is_of_our_own(&self, check: &str) -> bool {
        check == self.strangers_check() || check == self.certificate_check() || check == self.config_check()
    }

    fn is_watched(&self, check: &str) -> bool {
        let channel = check.strip_prefix("channel-");
        let is_ours = Role::of(check) == Role::Group || self.is_of_our_own(check) || self.is_of_another_watcher(check);
        is_ours || self.settings.expected(check).is_some() || channel.is_some_and(|name| self.settings.has_channel(name))
    }

    pub(super) fn mark(&self) -> Option<Mark> {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_mark(&self, mark: Mark) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
    }

    /// Keeps in mind whether the store worked.
    pub(super) fn noted<T>(&self, result: Result<T, MonitorError>, now: Moment) -> Result<T, MonitorError> {
        match &result {
            Ok(_) => self.pulse.committed(now),
            Err(error) => self.pulse.refused(now, error.to_string()),
        }
        result
    }
}
