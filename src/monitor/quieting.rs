//! Mute, pause, resume: by hand, for a stated time. And their ends.

use std::time::Duration;

use super::engine::Monitor;
use super::orders::{OrderError, QuietOrder, ResumeOrder, Resumed, until};
use super::scene::Scene;
use super::{cause, stopped, telling};
use crate::domain::moment::Moment;
use crate::domain::quiet::{Quiet, QuietKind};
use crate::store::{Connection, StoreError, checks, follow_ups, incidents, quiets};

/// Nothing is quiet for longer: after that somebody has to say so again.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

impl Monitor {
    /// Tells a check to be quiet for a time.
    ///
    /// # Errors
    /// Where there is no such check, or the time is none.
    pub async fn quiet(&self, order: QuietOrder, now: Moment) -> Result<Quiet, OrderError> {
        let QuietOrder { check, kind, for_ms, by, note } = order;
        let channel = check.strip_prefix("channel-").is_some_and(|name| self.settings.has_channel(name));
        if !channel && checks::find(&mut self.store.read().await?, &check).await?.is_none() {
            let names: Vec<&str> = self.settings.checks.iter().map(|expected| expected.name.as_str()).collect();
            return Err(OrderError::NotFound(format!("there is no check \"{check}\": there are {}", names.join(", "))));
        }
        if for_ms == 0 || Duration::from_millis(for_ms) > LONGEST {
            return Err(OrderError::Wrong("nothing is quiet for ever: give a time of at most 366 days".to_owned()));
        }
        let quiet = Quiet { check, kind, by, since: now, until: until(now, for_ms), note };
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        if let Some(was) = scene.quiet.iter().find(|was| was.check == quiet.check) {
            // A mute in the place of a pause: the check is expected again, and only not told.
            end(&mut transaction, &scene, was).await?;
        }
        quiets::save(&mut transaction, &quiet).await?;
        let scene = self.scene(&mut transaction, now).await?;
        match kind {
            QuietKind::Mute => mute(&mut transaction, &scene, &quiet).await?,
            QuietKind::Pause => stopped::pause(&mut transaction, &scene, &quiet.check, &quiet.to_string()).await?,
        }
        transaction.commit().await?;
        tracing::warn!(check = quiet.check, by = quiet.by, until = %quiet.until, note = quiet.note, "{}", kind.as_str());
        Ok(quiet)
    }

    /// Ends a quiet before its time.
    ///
    /// # Errors
    /// Where the check is not quiet.
    pub async fn resume(&self, order: &ResumeOrder, now: Moment) -> Result<Resumed, OrderError> {
        let mut transaction = self.store.begin().await?;
        let quiet = quiets::all(&mut transaction).await?;
        let Some(was) = quiet.iter().find(|quiet| quiet.check == order.check).cloned() else {
            let names: Vec<String> = quiet.iter().map(ToString::to_string).collect();
            let known = if names.is_empty() { "nothing is".to_owned() } else { names.join("; ") };
            return Err(OrderError::NotFound(format!("\"{}\" is not quiet by hand: {known}", order.check)));
        };
        let scene = self.scene(&mut transaction, now).await?;
        end(&mut transaction, &scene, &was).await?;
        transaction.commit().await?;
        self.wake.notify_waiters();
        tracing::warn!(check = order.check, by = order.by, "no longer {}", was.kind.as_str());
        Ok(Resumed { check: order.check.clone(), was })
    }
}

/// What is not told yet is told at the end; what it explained and is not quiet itself is told now.
async fn mute(connection: &mut Connection, scene: &Scene<'_>, quiet: &Quiet) -> Result<(), StoreError> {
    let Some(open) = incidents::open_of(connection, &quiet.check).await? else { return Ok(()) };
    telling::withdrawn(connection, scene, &open.incident.key).await?;
    let mut state = follow_ups::of(connection, &open.incident.key).await?.unwrap_or_default();
    state.is_hushed = true;
    if !telling::is_told(connection, scene, &open.incident.key).await? {
        state.told_at = None;
    }
    follow_ups::save(connection, &open.incident.key, &state, Some(quiet.until)).await?;
    for behind in incidents::explained_by(connection, &open.incident.key).await? {
        cause::confirm(connection, scene, behind).await?;
    }
    Ok(())
}

/// Ends whatever is over by now.
pub(super) async fn end_all(connection: &mut Connection, scene: &Scene<'_>) -> Result<(), StoreError> {
    for quiet in scene.quiet.iter().filter(|quiet| quiet.until <= scene.now) {
        tracing::info!(check = quiet.check, "no longer {}: its time is over", quiet.kind.as_str());
        end(connection, scene, quiet).await?;
    }
    Ok(())
}

/// From now on it is not quiet any more: what is open is looked at, what was paused begins anew.
async fn end(connection: &mut Connection, scene: &Scene<'_>, quiet: &Quiet) -> Result<(), StoreError> {
    quiets::remove(connection, &quiet.check).await?;
    match quiet.kind {
        QuietKind::Pause if !scene.live.is_stopped(crate::domain::role::Role::of(&quiet.check)) => {
            stopped::resume(connection, scene, &quiet.check).await
        }
        QuietKind::Pause => Ok(()),
        QuietKind::Mute => match incidents::open_of(connection, &quiet.check).await? {
            Some(open) => follow_ups::look_at(connection, &open.incident.key, scene.now).await,
            None => Ok(()),
        },
    }
}
