//! Many incidents at once are told as one, which names them and ends with the last of them.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::Scene;
use super::{cause, resolution, telling};
use crate::domain::check::{Reason, Status};
use crate::domain::follow_up::Plan;
use crate::domain::grouping::{self, CROWD, Lately, TOGETHER, Telling, named};
use crate::domain::incident::{Incident, Severity};
use crate::store::incidents::StoredIncident;
use crate::store::{Connection, StoreError, groups, incidents};

/// Tells what this transaction has found ready to be told: each by itself, or together with those who are told alike. Where it has found nothing, the
/// store is asked nothing.
pub(super) async fn tell(connection: &mut Connection, scene: &Scene<'_>) -> Result<(), StoreError> {
    let ready = ready(connection, scene).await?;
    if ready.is_empty() {
        return Ok(());
    }
    let fresh = ready.iter().filter(|stored| stored.decide_at.is_none()).count();
    // A crowd is told together whatever was told before: it is not written to be counted.
    let lately = if fresh < CROWD { lately(connection, scene, fresh).await? } else { Lately::default() };
    match grouping::tell(fresh, ready.len() - fresh, lately, scene.now) {
        Telling::Each => {
            for stored in ready {
                cause::tell(connection, scene, stored).await?;
            }
        }
        Telling::Wait(until) => {
            for stored in ready {
                cause::hold(connection, scene, stored, until.since(scene.now)).await?;
            }
        }
        Telling::Together => {
            for alike in alike(scene, ready) {
                together(connection, scene, alike).await?;
            }
        }
    }
    Ok(())
}

/// What was gathered and is to be told still: by now it may be over, or explained by what fell after it.
async fn ready(connection: &mut Connection, scene: &Scene<'_>) -> Result<Vec<StoredIncident>, StoreError> {
    let mut ready = Vec::new();
    for gathered in scene.gathered() {
        let found = incidents::find(connection, &gathered.incident.key).await?;
        ready.extend(found.filter(|found| found.incident.resolved_at.is_none() && found.incident.cause.is_none()));
    }
    Ok(ready)
}

/// What was told before those that are `fresh`.
async fn lately(connection: &mut Connection, scene: &Scene<'_>, fresh: usize) -> Result<Lately, StoreError> {
    let (opened, group_at) = groups::lately(connection, scene.now - TOGETHER, scene.now).await?;
    Ok(Lately { alone: usize::try_from(opened).unwrap_or(usize::MAX).saturating_sub(fresh), group_at })
}

/// Those who are told to the same channels, with the same to follow while nobody acknowledges: a group has but one of each.
fn alike(scene: &Scene<'_>, ready: Vec<StoredIncident>) -> Vec<Vec<StoredIncident>> {
    let mut alike: BTreeMap<(Vec<String>, &Plan), Vec<StoredIncident>> = BTreeMap::new();
    for stored in ready {
        let check = &stored.incident.check;
        alike.entry((scene.settings.channels_of(check), scene.settings.plan_of(check))).or_default().push(stored);
    }
    alike.into_values().collect()
}

async fn together(connection: &mut Connection, scene: &Scene<'_>, mut members: Vec<StoredIncident>) -> Result<(), StoreError> {
    if members.len() == 1
        && let Some(only) = members.pop()
    {
        return cause::tell(connection, scene, only).await;
    }
    let group = group_of(connection, scene, &members).await?;
    tracing::warn!(incident = group.key, checks = members.len(), "told together");
    let key = group.key.clone();
    let stored = StoredIncident { incident: group, opened_at: scene.now, decide_at: None, decide_until: None, explained: false };
    incidents::save(connection, &stored).await?;
    bring_along(connection, scene, &members, &key).await?;
    for mut member in members {
        if member.decide_at.is_some() {
            // It had been held, and its notices wait.
            telling::withdrawn(connection, scene, &member.incident.key).await?;
        }
        (member.decide_at, member.decide_until, member.explained) = (None, None, true);
        member.incident.cause = Some(key.clone());
        incidents::save(connection, &member).await?;
    }
    groups::insert(connection, &key, scene.now).await?;
    telling::opened(connection, scene, &stored.incident, scene.now).await
}

/// What stands behind a member is listed where the member is told.
async fn bring_along(connection: &mut Connection, scene: &Scene<'_>, members: &[StoredIncident], group: &str) -> Result<(), StoreError> {
    let causes: BTreeSet<&str> = scene.settings.checks.iter().flat_map(|expected| &expected.behind).map(String::as_str).collect();
    for member in members.iter().filter(|member| causes.contains(member.incident.check.as_str())) {
        for mut behind in incidents::explained_by(connection, &member.incident.key).await? {
            behind.incident.cause = Some(group.to_owned());
            incidents::save(connection, &behind).await?;
        }
    }
    Ok(())
}

async fn group_of(connection: &mut Connection, scene: &Scene<'_>, members: &[StoredIncident]) -> Result<Incident, StoreError> {
    let incidents: Vec<&Incident> = members.iter().map(|stored| &stored.incident).collect();
    let heard_at = groups::heard_at(connection).await?;
    let check = named(scene.now, incidents.iter().map(|incident| incident.check.as_str()).min().unwrap_or_default());
    Ok(Incident {
        key: check.clone(),
        check,
        status: if incidents.iter().any(|incident| incident.status == Status::Down) { Status::Down } else { Status::Poorly },
        severity: incidents.iter().map(|incident| incident.severity).max().unwrap_or(Severity::Warning),
        since: incidents.iter().map(|incident| incident.since).min().unwrap_or(scene.now),
        reason: Reason::Together {
            checks: incidents.iter().map(|incident| incident.check.clone()).collect(),
            heard_at,
            may_be_ours: grouping::may_be_ours(&incidents, heard_at),
        },
        cause: None,
        flips: 1,
        resolved_at: None,
    })
}

/// Ends the groups whose last member is well, or was told by itself after all.
pub(super) async fn end_empty(connection: &mut Connection, scene: &Scene<'_>) -> Result<(), StoreError> {
    for key in groups::empty(connection).await? {
        groups::end(connection, &key, scene.now).await?;
        if let Some(stored) = incidents::find(connection, &key).await?.filter(|stored| stored.incident.resolved_at.is_none()) {
            resolution::resolve(connection, scene, stored, scene.now).await?;
        }
    }
    Ok(())
}
