//! The system's clock was set: everything that waits, waits as long as it would have; a schedule is asked anew.

use tokio::sync::RwLockWriteGuard;

use super::engine::{Monitor, MonitorError};
use super::mark::{MARK, Mark};
use super::replicas;
use super::scene::Scene;
use crate::clock;
use crate::domain::check::Status;
use crate::domain::clock_step::{moved, stepped, stepped_roster, words};
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, Subject};
use crate::domain::role::Role;
use crate::domain::roster::Now;
use crate::store::{Connection, StoreError, checks, clock_steps, facts, instances, notices};

/// The clock has stepped, and the store is still dated by the old one: nobody writes by the new one meanwhile.
#[derive(Debug)]
pub(super) struct Unwritten<'a> {
    pub(super) by_ms: i64,
    _alone: RwLockWriteGuard<'a, ()>,
}

impl Monitor {
    /// Calls who writes down a moment with the moment that it is now: the clock does not step until that is written.
    pub async fn dated<Written: Future>(&self, write: impl FnOnce(Moment) -> Written) -> Written::Output {
        let _steady = self.steady.read().await;
        write(self.now()).await
    }

    /// Follows the system's clock, where the time is ours and that clock has been set. From then on nobody writes until it is written down.
    pub(super) async fn take_step(&self) -> Option<Unwritten<'_>> {
        if self.store.is_shared() || clock::step().is_none() {
            return None;
        }
        let alone = self.steady.write().await;
        let by_ms = self.redate(|| clock::take_step().unwrap_or(0));
        (by_ms != 0).then_some(Unwritten { by_ms, _alone: alone })
    }

    /// `set` sets the clock, and says by how many milliseconds. What is kept in memory is dated by the new one at once, whether or not the
    /// store works.
    pub fn redate(&self, set: impl FnOnce() -> i64) -> i64 {
        let by_ms = self.arrivals.step(set);
        self.deafness.step(by_ms);
        self.pulse.step(by_ms);
        self.step_strangers(by_ms);
        by_ms
    }

    /// The clock by which everything is dated is so many milliseconds ahead of what it was; `now` is by the new one.
    ///
    /// # Errors
    /// Where the store does not work; then nothing has changed, and it is to be called again.
    pub async fn stepped(&self, by_ms: i64, now: Moment) -> Result<(), MonitorError> {
        tracing::warn!(by_ms, "the system's clock has stepped");
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        for stored in checks::all(&mut transaction).await? {
            step(&mut transaction, &scene, stored, by_ms).await?;
        }
        clock_steps::shift(&mut transaction, by_ms).await?;
        let mark = self.mark().map(|mark| Mark {
            at: moved(mark.at, by_ms),
            until: moved(mark.until, by_ms),
            listens_until: moved(mark.listens_until, by_ms),
        });
        if let Some(mark) = &mark {
            facts::set(&mut transaction, MARK, mark).await?;
        }
        if let Some(words) = words(by_ms) {
            tell(&mut transaction, &scene, &words).await?;
        }
        transaction.commit().await?;
        if let Some(mark) = mark {
            self.set_mark(mark);
        }
        self.pulse.start(now);
        self.wake.notify_waiters();
        Ok(())
    }
}

async fn step(connection: &mut Connection, scene: &Scene<'_>, mut stored: checks::StoredCheck, by_ms: i64) -> Result<(), StoreError> {
    let Some(check) = scene.check(&stored) else { return Ok(()) };
    let before = stored.state.deadline(&check);
    stored.state = stepped(&check, &stored.state, by_ms, scene.now);
    // Looked at early is harmless.
    let mut earliest = moved(before, by_ms).min(stored.state.deadline(&check));
    if let (Some(rule), Some((roster, mut rows))) = (scene.rule(&stored), replicas::roster(connection, &stored).await?) {
        let roster = stepped_roster(&rule, &roster, by_ms, scene.now);
        let quiet_until = scene.live.quiet_until(Role::of(&stored.name));
        earliest = earliest.min(roster.look_at(&rule, Now { at: scene.now, quiet_until }).unwrap_or(earliest));
        for (row, member) in rows.iter_mut().zip(roster.members) {
            row.instance = member;
        }
        instances::save(connection, &stored.name, &rows).await?;
        stored.wanted = Some(roster.wanted);
    }
    stored.look_at = stored.look_at.map(|at| moved(at, by_ms).min(earliest));
    checks::save(connection, stored).await
}

async fn tell(connection: &mut Connection, scene: &Scene<'_>, words: &str) -> Result<(), StoreError> {
    let notice = Notice {
        key: String::new(),
        kind: NoticeKind::ClockStep,
        at: scene.now,
        subject: Subject {
            incident: format!("{}-clock-{}", scene.settings.name, scene.now.as_millis()),
            app: scene.settings.app.clone(),
            check: scene.settings.name.clone(),
            status: Status::Up,
            severity: Severity::Warning,
            colour: None,
            live: scene.colour(),
        },
        since: scene.now,
        reason: format!(
            "the clock of this host stepped {words}: what is due after a period keeps its time, what is due by the clock is due by the new one"
        ),
        duration_seconds: None,
        also: Vec::new(),
        url: scene.settings.page_url.clone(),
    };
    for channel in &scene.settings.own_channels {
        notices::write(connection, &notice.clone().for_channel(channel), channel, scene.now).await?;
    }
    Ok(())
}
