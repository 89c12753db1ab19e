//! One check hears a beat, or is looked at.

use sqlx::SqliteConnection;

use super::scene::Scene;
use super::{fault, recorded_late, telling};
use crate::domain::beat::{Beat, BeatKind};
use crate::domain::check::{Decision, Heard};
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::store::checks::{Seen, StoredCheck};
use crate::store::{StoreError, checks, incidents};

/// A check hears a beat that arrived at `at`.
pub(super) async fn hear(
    connection: &mut SqliteConnection,
    scene: &Scene<'_>,
    mut stored: StoredCheck,
    beat: &Beat,
    at: Moment,
) -> Result<(), StoreError> {
    stored.every_ms = beat.every_ms.or(stored.every_ms);
    let Some(check) = scene.check(&stored) else { return Ok(()) };
    if let Some(before) = recorded_late::undo(connection, scene, &stored, beat.kind, at).await? {
        stored.state = before;
    }
    if matches!(beat.kind, BeatKind::Success | BeatKind::Fail) {
        stored.seen = seen(beat);
    }
    let quiet_until = scene.live.quiet_until(Role::of(&stored.name));
    let heard = Heard { kind: beat.kind, health: beat.health.as_ref(), at, sent_at: beat.sent_at };
    let decision = check.hear(&stored.state, heard, quiet_until);
    let name = stored.name.clone();
    apply(connection, scene, stored, decision).await?;
    let told = beat.health.as_ref().map_or(&[] as &[String], |health| &health.told);
    if !told.is_empty()
        && let Some(open) = incidents::open_of(connection, &name).await?
    {
        telling::told_by_sender(connection, scene, &open.incident.key, told).await?;
    }
    Ok(())
}

/// A check is looked at, with `until` as the moment up to which everything that arrived has been heard.
pub(super) async fn look(
    connection: &mut SqliteConnection,
    scene: &Scene<'_>,
    stored: StoredCheck,
    until: Moment,
) -> Result<(), StoreError> {
    let Some(check) = scene.check(&stored) else { return Ok(()) };
    let decision = check.look(&stored.state, until, scene.live.quiet_until(Role::of(&stored.name)));
    apply(connection, scene, stored, decision).await
}

async fn apply(
    connection: &mut SqliteConnection,
    scene: &Scene<'_>,
    mut stored: StoredCheck,
    decision: Decision,
) -> Result<(), StoreError> {
    let before = std::mem::replace(&mut stored.state, decision.state);
    stored.look_at = decision.look_at;
    checks::save(connection, &stored).await?;
    match decision.flip {
        Some(flip) => fault::flipped(connection, scene, &stored.name, before, flip).await,
        None => Ok(()),
    }
}

fn seen(beat: &Beat) -> Seen {
    let health = beat.health.as_ref();
    Seen {
        instance: Some(beat.identity.instance.clone()),
        colour: beat.colour,
        version: beat.version.clone(),
        latency_ms: health.and_then(|health| health.latency_ms),
        reason: health.and_then(|health| health.reason.clone()),
    }
}
