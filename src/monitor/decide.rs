//! One check hears a beat, or is looked at.

use super::arrived::Arrived;
use super::scene::Scene;
use super::{fault, group, recorded_late, replicas, telling};
use crate::domain::beat::BeatKind;
use crate::domain::check::{Decision, Heard};
use crate::domain::incident::key_at;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::store::checks::{Seen, StoredCheck};
use crate::store::{Connection, StoreError, checks, incidents};

/// A check hears a beat.
pub(super) async fn hear(
    connection: &mut Connection,
    scene: &Scene<'_>,
    mut stored: StoredCheck,
    arrived: &Arrived,
) -> Result<(), StoreError> {
    let beat = &arrived.beat;
    if scene.is_stopped(&stored.name) {
        return Ok(());
    }
    stored.every_ms = beat.every_ms.or(stored.every_ms);
    let name = stored.name.clone();
    match scene.wanted(&name) {
        Some(_) => replicas::hear(connection, scene, stored, arrived).await?,
        None => hear_any(connection, scene, stored, arrived).await?,
    }
    let told = beat.health.as_ref().map_or(&[] as &[String], |health| &health.told);
    if !told.is_empty()
        && let Some(open) = incidents::open_of(connection, &name).await?
    {
        if scene.has_gathered(&name) {
            // What the sender has told is written before it counts as told.
            group::tell(connection, scene).await?;
        }
        telling::told_by_sender(connection, scene, &open.incident.key, told).await?;
    }
    Ok(())
}

/// A check that does not count who beats.
async fn hear_any(
    connection: &mut Connection,
    scene: &Scene<'_>,
    mut stored: StoredCheck,
    Arrived { beat, arrival, sent, .. }: &Arrived,
) -> Result<(), StoreError> {
    let at = arrival.at();
    let Some(check) = scene.check(&stored) else { return Ok(()) };
    if let Some(before) = recorded_late::undo(connection, scene, &stored, beat.kind, at).await? {
        stored.state = before;
    }
    if matches!(beat.kind, BeatKind::Success | BeatKind::Fail) {
        stored.seen = Seen::of(beat);
    }
    let quiet_until = scene.live.quiet_until(Role::of(&stored.name));
    let heard = Heard { kind: beat.kind, health: beat.health.as_ref(), at, sent_at: beat.sent_at, work: sent.work };
    let mut decision = check.hear(&stored.state, heard, quiet_until);
    decision.look_at = look_no_later(stored.look_at, decision.look_at);
    if decision.state.too_often && decision.state.streak.weak > 0 {
        // Not what the sender said, but what we make of it.
        stored.seen.reason.clone_from(&decision.state.last_words);
    }
    apply(connection, scene, stored, decision).await
}

/// When a check is looked at that has heard something: where it was to be looked at earlier, it still is, and whoever looks finds how late it is due
/// by then. So the index of what is due is written about once in a period, and not for each beat.
fn look_no_later(before: Option<Moment>, decided: Option<Moment>) -> Option<Moment> {
    decided.map(|decided| before.map_or(decided, |before| before.min(decided)))
}

/// A check is looked at, with `until` as the moment up to which everything that arrived has been heard.
pub(super) async fn look(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredCheck, until: Moment) -> Result<(), StoreError> {
    if scene.is_stopped(&stored.name) {
        stored.look_at = None;
        return checks::save(connection, stored).await;
    }
    if scene.wanted(&stored.name).is_some() {
        return replicas::look(connection, scene, stored, until).await;
    }
    let Some(check) = scene.check(&stored) else { return Ok(()) };
    let decision = check.look(&stored.state, until, scene.live.quiet_until(Role::of(&stored.name)));
    apply(connection, scene, stored, decision).await
}

/// The key of the incident that a look would open: it can be looked up ahead, with others.
pub(super) fn foresee(scene: &Scene<'_>, stored: &StoredCheck, until: Moment) -> Option<String> {
    if scene.is_stopped(&stored.name) || scene.wanted(&stored.name).is_some() {
        return None;
    }
    let quiet_until = scene.live.quiet_until(Role::of(&stored.name));
    let flip = scene.check(stored)?.look(&stored.state, until, quiet_until).flip?;
    flip.to.is_trouble().then(|| key_at(&stored.name, flip.key_at))
}

async fn apply(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredCheck, decision: Decision) -> Result<(), StoreError> {
    let before = std::mem::replace(&mut stored.state, decision.state);
    stored.look_at = decision.look_at;
    let Some(flip) = decision.flip else { return checks::save(connection, stored).await };
    let name = stored.name.clone();
    checks::save(connection, stored).await?;
    fault::flipped(connection, scene, &name, before, flip).await
}
