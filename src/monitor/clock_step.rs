//! The clock was set, the system's or that of the server that has the store: everything that waits, waits as long as it would have; a schedule is
//! asked anew.

use std::time::Duration;

use tokio::sync::RwLockWriteGuard;
use tokio::time::sleep;

use super::engine::{Monitor, MonitorError};
use super::heard::{FACT, LiveHeard};
use super::mark::{MARK, Mark};
use super::pulse::MARK_EVERY;
use super::replicas;
use super::scene::Scene;
use crate::clock;
use crate::domain::check::Status;
use crate::domain::clock_step::{Sight, joined, moved, stepped, stepped_roster, words};
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, Subject};
use crate::domain::role::Role;
use crate::domain::roster::Now;
use crate::store::clock_steps::{Following, Shown};
use crate::store::{Connection, StoreError, checks, clock_steps, facts, instances, notices};

/// Whoever works on a store follows its server's clock sooner than this, and says how far it has come.
const OTHERS: Duration = MARK_EVERY.saturating_mul(2);
/// So often it looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the clock did.
struct Step<'a> {
    by_ms: i64,
    /// By the new clock.
    now: Moment,
    /// For people: `... stepped by 1h, forward`.
    whose: &'a str,
}

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
        if self.store.is_shared() {
            self.follow_if_refused().await;
            return None;
        }
        clock::step()?;
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
        let step = Step { by_ms, now, whose: "the clock of this host" };
        let mark = self.move_store(&mut transaction, &step, self.mark()).await?;
        transaction.commit().await?;
        self.go_on(mark, now);
        Ok(())
    }

    /// Finds out by which time the store is dated, where others work on it as well: to be called before the start. From then on nothing is written
    /// by another one.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn find_time(&self) -> Result<(), MonitorError> {
        let began = clock::elapsed();
        loop {
            let Some(Following { mut transaction, shown, steps, .. }) = self.store.begin_following().await? else { return Ok(()) };
            let mark: Option<Mark> = facts::get(&mut transaction, MARK).await?;
            // Nobody waits for it while we wait for them.
            drop(transaction);
            let now = shown.now();
            if let Some(ours) = joined(now, mark.map(|mark| mark.at), clock::elapsed() - began >= OTHERS) {
                let ahead_ms = shown.ahead_ms + ours.as_millis() - now.as_millis();
                self.redate(|| self.store.agree(Shown { ahead_ms, ..shown }, steps));
                return self.follow().await;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn follow_if_refused(&self) {
        if self.store.is_in_step() {
            return;
        }
        let _alone = self.steady.write().await;
        if let Err(error) = self.follow().await {
            tracing::error!("the clock of the store's server is not followed yet: {error}");
        }
    }

    /// Follows the clock of the store's server, where that is not what we go by. Of all who do so, one moves the store: it is dated by the new clock
    /// as soon as that is committed, and whoever has not followed yet is refused from then on.
    ///
    /// # Errors
    /// Where the store does not work, or nobody knows whether it has; then it is to be called again.
    pub async fn follow(&self) -> Result<(), MonitorError> {
        let Some(Following { mut transaction, shown, mut steps, followed_ms }) = self.store.begin_following().await? else { return Ok(()) };
        let mut mark: Option<Mark> = facts::get(&mut transaction, MARK).await?;
        let now = shown.now();
        let marked = mark.map(|mark| mark.at);
        let sight = Sight { counted: self.now(), shown: now, within_ms: shown.within_ms, followed_ms, marked };
        let by_ms = sight.unfollowed_ms();
        if by_ms != 0 {
            tracing::warn!(by_ms, "the clock of the store's server has stepped");
            transaction.batch();
            // A machine that stood still alone counts the same.
            let whose =
                if by_ms > 0 { "this watcher's machine stood still, or the clock of the database" } else { "the clock of the database" };
            // What others have said of what they heard is dated by the clock as it was: silence counts once they have said it anew.
            let listens_until = moved(now + OTHERS, by_ms.saturating_neg());
            mark = mark.map(|mark| Mark { listens_until: mark.listens_until.max(listens_until), ..mark });
            mark = self.move_store(&mut transaction, &Step { by_ms, now, whose }, mark).await?;
            steps = steps.and(by_ms);
            clock_steps::write(&mut transaction, steps).await?;
        }
        transaction.commit().await?;
        let ours_ms = self.redate(|| self.store.agree(shown, steps));
        tracing::info!(by_ms, ours_ms, "the clock of the store's server is followed");
        self.go_on(mark, now);
        Ok(())
    }

    /// Dates by the new clock whatever waits in the store, and `mark`, which is given back. Tells it, where that is worth it.
    async fn move_store(&self, connection: &mut Connection, step: &Step<'_>, mark: Option<Mark>) -> Result<Option<Mark>, StoreError> {
        let Step { by_ms, now, whose } = *step;
        let scene = self.scene(connection, now).await?;
        for stored in checks::all(connection).await? {
            move_check(connection, &scene, stored, by_ms).await?;
        }
        move_live(connection, &scene.live, by_ms).await?;
        clock_steps::shift(connection, by_ms).await?;
        let mark = mark.map(|mark| Mark {
            at: moved(mark.at, by_ms),
            until: moved(mark.until, by_ms),
            listens_until: moved(mark.listens_until, by_ms),
        });
        if let Some(mark) = &mark {
            facts::set(connection, MARK, mark).await?;
        }
        if let Some(words) = words(by_ms) {
            tell(connection, &scene, &format!("{whose} stepped {words}")).await?;
        }
        Ok(mark)
    }

    /// By the new clock.
    fn go_on(&self, mark: Option<Mark>, now: Moment) {
        if let Some(mark) = mark {
            self.set_mark(mark);
        }
        self.pulse.start(now);
        self.wake.notify_waiters();
    }
}

async fn move_check(connection: &mut Connection, scene: &Scene<'_>, mut stored: checks::StoredCheck, by_ms: i64) -> Result<(), StoreError> {
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

/// What the prober has said last is as old as it was, and its deploy is quiet for as long: it says both anew, if it is there.
async fn move_live(connection: &mut Connection, heard: &LiveHeard, by_ms: i64) -> Result<(), StoreError> {
    let Some(heard_at) = heard.heard_at else { return Ok(()) };
    let mut live = heard.live.clone();
    live.deploy.iter_mut().for_each(|deploy| deploy.until = moved(deploy.until, by_ms));
    facts::set(connection, FACT, &LiveHeard { live, heard_at: Some(moved(heard_at, by_ms)) }).await
}

async fn tell(connection: &mut Connection, scene: &Scene<'_>, what: &str) -> Result<(), StoreError> {
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
        reason: format!("{what}: what is due after a period keeps its time, what is due by the clock is due by the new one"),
        duration_seconds: None,
        also: Vec::new(),
        url: scene.settings.page_url.clone(),
    };
    for channel in &scene.settings.own_channels {
        notices::write(connection, &notice.clone().for_channel(channel), channel, scene.now).await?;
    }
    Ok(())
}
