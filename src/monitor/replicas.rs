//! A check that counts its senders: each beat is one instance's, and the check is what they make of it together.

use std::collections::BTreeSet;

use super::arrived::Arrived;
use super::scene::Scene;
use super::{fault, recorded_late, skew};
use crate::domain::beat::BeatKind;
use crate::domain::check::Heard;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::domain::roster::{Now, Roster, RosterDecision, Rule, Sender, Wanted};
use crate::store::checks::{Seen, StoredCheck};
use crate::store::instances::StoredInstance;
use crate::store::{Connection, StoreError, checks, instances};

/// A check with its instances, as they were found.
struct Found {
    stored: StoredCheck,
    rule: Rule,
    rows: Vec<StoredInstance>,
    roster: Roster,
}

/// One of them hears a beat. Whoever arrived while silence was decided is found recorded late.
pub(super) async fn hear(
    connection: &mut Connection,
    scene: &Scene<'_>,
    stored: StoredCheck,
    Arrived { beat, arrival, sent, .. }: &Arrived,
) -> Result<(), StoreError> {
    let Some(mut found) = find(connection, scene, stored).await? else { return Ok(()) };
    let heard = Heard { kind: beat.kind, health: beat.health.as_ref(), at: arrival.at(), sent_at: beat.sent_at, work: sent.work };
    let sender = Sender { name: &beat.identity.instance, every_ms: beat.every_ms };
    let quiet_until = scene.live.quiet_until(Role::of(&found.stored.name));
    let decision = found.roster.hear(&found.rule, &found.stored.state, sender, heard, quiet_until);
    let seen = matches!(beat.kind, BeatKind::Success | BeatKind::Fail).then(|| Seen::of(beat));
    if let Some(seen) = &seen {
        found.stored.seen = seen.clone();
    }
    apply(connection, scene, found, decision, seen.map(|seen| (beat.identity.instance.as_str(), seen))).await
}

/// They are looked at, with `until` as the moment up to which everything that arrived has been heard.
pub(super) async fn look(connection: &mut Connection, scene: &Scene<'_>, stored: StoredCheck, until: Moment) -> Result<(), StoreError> {
    let Some(found) = find(connection, scene, stored).await? else { return Ok(()) };
    let now = Now { at: until, quiet_until: scene.live.quiet_until(Role::of(&found.stored.name)) };
    let decision = found.roster.look(&found.rule, &found.stored.state, now);
    apply(connection, scene, found, decision, None).await
}

/// We begin, and this is expected from now on.
pub(super) async fn begin(connection: &mut Connection, scene: &Scene<'_>, stored: StoredCheck, count: u32) -> Result<(), StoreError> {
    let Some(mut found) = find(connection, scene, stored).await? else { return Ok(()) };
    let now = Now { at: scene.now, quiet_until: scene.live.quiet_until(Role::of(&found.stored.name)) };
    found.roster = found.roster.renewed(&found.rule, found.stored.look_at, now);
    let decision = found.roster.expect(&found.rule, &found.stored.state, count, now);
    apply(connection, scene, found, decision, None).await
}

/// So many are expected from now on.
pub(super) async fn expect(connection: &mut Connection, scene: &Scene<'_>, stored: StoredCheck, count: u32) -> Result<(), StoreError> {
    let Some(found) = find(connection, scene, stored).await? else { return Ok(()) };
    let now = Now { at: scene.now, quiet_until: scene.live.quiet_until(Role::of(&found.stored.name)) };
    let decision = found.roster.expect(&found.rule, &found.stored.state, count, now);
    apply(connection, scene, found, decision, None).await
}

/// Moves what fell due after `after`, while we were blind: to what `until` makes of a check. Says whether anything did.
pub(super) async fn forgive(
    connection: &mut Connection,
    scene: &Scene<'_>,
    stored: StoredCheck,
    after: Moment,
    until: impl Fn(&crate::domain::check::Check) -> Moment,
) -> Result<bool, StoreError> {
    let Some(found) = find(connection, scene, stored).await? else { return Ok(false) };
    let Some(roster) = found.roster.forgive(&found.rule, after, scene.now, until) else { return Ok(false) };
    let quiet_until = scene.live.quiet_until(Role::of(&found.stored.name));
    let look_at = roster.look_at(&found.rule, Now { at: scene.now, quiet_until });
    let decision =
        RosterDecision { look_at, roster, state: found.stored.state.clone(), flip: None, rewording: None, is_recorded_late: false };
    apply(connection, scene, found, decision, None).await?;
    Ok(true)
}

/// The instances of a check, for people. None: it does not count them.
pub(super) async fn roster(connection: &mut Connection, stored: &StoredCheck) -> Result<Option<(Roster, Vec<StoredInstance>)>, StoreError> {
    let Some(wanted) = stored.wanted.clone() else { return Ok(None) };
    let rows = instances::of(connection, &stored.name).await?;
    let members = rows.iter().map(|row| row.instance.clone()).collect();
    Ok(Some((Roster { wanted, members }, rows)))
}

/// None: it is expected no more, or does not count.
async fn find(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredCheck) -> Result<Option<Found>, StoreError> {
    let (Some(rule), Some(count)) = (scene.rule(&stored), scene.wanted(&stored.name)) else { return Ok(None) };
    stored.wanted.get_or_insert_with(|| Wanted::new(count, scene.now));
    let Some((roster, rows)) = roster(connection, &stored).await? else { return Ok(None) };
    Ok(Some(Found { stored, rule, rows, roster }))
}

/// Writes what was decided, and everything that follows from it.
async fn apply(
    connection: &mut Connection,
    scene: &Scene<'_>,
    found: Found,
    decision: RosterDecision,
    heard: Option<(&str, Seen)>,
) -> Result<(), StoreError> {
    let Found { mut stored, rows, .. } = found;
    save(connection, &stored.name, &rows, &decision.roster, heard).await?;
    let before = std::mem::replace(&mut stored.state, decision.state);
    stored.look_at = decision.look_at;
    stored.wanted = Some(decision.roster.wanted);
    let name = stored.name.clone();
    checks::save(connection, stored).await?;
    match (decision.flip, decision.rewording) {
        (Some(_), _) if decision.is_recorded_late => recorded_late::take_back(connection, scene, &name).await,
        (Some(flip), _) => fault::flipped(connection, scene, &name, before, flip).await,
        (None, Some(rewording)) => fault::reworded(connection, scene, &name, rewording).await,
        (None, None) => Ok(()),
    }
}

/// The rows that have changed, in one statement; those that are forgotten, in another.
async fn save(
    connection: &mut Connection,
    check: &str,
    rows: &[StoredInstance],
    roster: &Roster,
    heard: Option<(&str, Seen)>,
) -> Result<(), StoreError> {
    let mut changed = Vec::new();
    for member in &roster.members {
        let row = rows.iter().find(|row| row.instance.name == member.name);
        let seen = heard.as_ref().filter(|(name, _)| *name == member.name).map(|(_, seen)| seen.clone());
        if seen.is_some() || row.is_none_or(|row| row.instance != *member) {
            let seen = seen.or_else(|| row.map(|row| row.seen.clone())).unwrap_or_default();
            changed.push(StoredInstance { instance: member.clone(), seen });
        }
    }
    instances::save(connection, check, &changed).await?;
    let kept: BTreeSet<&str> = roster.members.iter().map(|member| member.name.as_str()).collect();
    let gone: Vec<&str> = rows.iter().map(|row| row.instance.name.as_str()).filter(|name| !kept.contains(name)).collect();
    if !gone.is_empty() {
        tracing::info!(check, instances = gone.join(", "), "forgotten: replaced, or not expected any more");
        gone.iter().for_each(|name| skew::forget(name));
    }
    instances::forget(connection, check, &gone).await
}
