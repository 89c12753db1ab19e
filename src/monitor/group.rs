//! Many incidents at once are told as one, which names them and ends with the last of them. Those that nobody had heard of before they were over are
//! told as another one, which is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::scene::Scene;
use super::{cause, ended, resolution, telling};
use crate::domain::check::{Reason, Status};
use crate::domain::follow_up::Plan;
use crate::domain::grouping::{self, CROWD, Lately, TOGETHER, Telling, named};
use crate::domain::incident::{Incident, Severity};
use crate::domain::moment::Moment;
use crate::store::incidents::StoredIncident;
use crate::store::{Connection, StoreError, groups, incidents};

/// Tells what this transaction has found ready to be told: each by itself, or together with those who are told alike. Where it has found nothing, the
/// store is asked nothing.
pub(super) async fn tell(connection: &mut Connection, scene: &Scene<'_>) -> Result<(), StoreError> {
    let ready = ready(connection, scene).await?;
    if ready.is_empty() {
        return Ok(());
    }
    let is_fresh = |stored: &&StoredIncident| stored.decide_at.is_none();
    let fresh = ready.iter().filter(is_fresh).count();
    let counted = ready.iter().filter(is_fresh).filter(|stored| stored.opened_at > scene.now - TOGETHER).count();
    // A crowd is told together whatever was told before: it is not written to be counted.
    let lately = if fresh < CROWD { lately(connection, scene, counted).await? } else { Lately::default() };
    let how = grouping::tell(fresh, ready.len() - fresh, lately, scene.now);
    let (over, open): (Vec<_>, Vec<_>) = ready.into_iter().partition(|stored| stored.incident.resolved_at.is_some());
    match how {
        Telling::Each => {
            for stored in open {
                cause::tell(connection, scene, stored).await?;
            }
            ended::tell(connection, scene, over).await
        }
        Telling::Wait(until) => {
            for stored in open {
                cause::hold(connection, scene, stored, until.since(scene.now)).await?;
            }
            ended::hold(connection, over, until).await
        }
        Telling::Together => {
            for alike in alike(scene, untold(connection, scene, open).await?) {
                together(connection, scene, alike).await?;
            }
            for (channels, alike) in ended::alike(connection, scene, over).await? {
                together_and_over(connection, scene, &channels, alike).await?;
            }
            Ok(())
        }
    }
}

/// What was gathered and is to be told still: by now it may be explained by what fell after it, or over; then its end was gathered where nobody had
/// heard of it.
async fn ready(connection: &mut Connection, scene: &Scene<'_>) -> Result<Vec<StoredIncident>, StoreError> {
    let mut ready = Vec::new();
    for gathered in scene.gathered() {
        let found = incidents::find(connection, &gathered.incident.key).await?;
        let is_over = gathered.incident.resolved_at.is_some();
        ready.extend(found.filter(|found| found.incident.resolved_at.is_some() == is_over && found.incident.cause.is_none()));
    }
    Ok(ready)
}

/// What was told before: of what was opened lately, so many are to be told only now.
async fn lately(connection: &mut Connection, scene: &Scene<'_>, untold: usize) -> Result<Lately, StoreError> {
    let (opened, group_at) = groups::lately(connection, scene.now - TOGETHER, scene.now).await?;
    Ok(Lately { alone: usize::try_from(opened).unwrap_or(usize::MAX).saturating_sub(untold), group_at })
}

/// Those of whom nobody has heard. What was held is told by the courier even if nobody decides: whoever is told by itself by now, or is being told,
/// goes on alone.
async fn untold(connection: &mut Connection, scene: &Scene<'_>, ready: Vec<StoredIncident>) -> Result<Vec<StoredIncident>, StoreError> {
    let mut untold = Vec::with_capacity(ready.len());
    for stored in ready {
        if stored.decide_at.is_some() && telling::is_tried(connection, &stored.incident.key).await? {
            cause::tell(connection, scene, stored).await?;
        } else {
            untold.push(stored);
        }
    }
    Ok(untold)
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
    let behind = behind(connection, scene, &members).await?;
    // A crowd is told once in a transaction, and its rows are not written to be looked up.
    let name = if scene.is_crowd { named(scene.now, first(&members)) } else { unused(connection, scene.now, first(&members)).await? };
    let group = group_of(connection, scene, name, &members, &behind).await?;
    tracing::warn!(incident = group.key, checks = members.len(), "told together");
    let key = group.key.clone();
    let stored = StoredIncident { incident: group, opened_at: scene.now, decide_at: None, decide_until: None, explained: false };
    incidents::save(connection, &stored).await?;
    for mut stored in behind {
        stored.incident.cause = Some(key.clone());
        incidents::save(connection, &stored).await?;
    }
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

/// What began and ended before anybody had heard of it, for these channels.
async fn together_and_over(
    connection: &mut Connection,
    scene: &Scene<'_>,
    channels: &[String],
    members: Vec<StoredIncident>,
) -> Result<(), StoreError> {
    let first = first(&members);
    if members.iter().all(|member| member.incident.check == first) {
        // However often one check has failed, it is not several.
        return ended::tell(connection, scene, members).await;
    }
    let name = unused(connection, scene.now, first).await?;
    let group = group_of(connection, scene, name, &members, &[]).await?;
    tracing::warn!(incident = group.key, checks = members.len(), "told together, and over");
    groups::insert(connection, &group.key, scene.now).await?;
    groups::end(connection, &group.key, scene.now).await?;
    ended::tell_as(connection, scene, group, members, channels).await
}

/// What stands behind a member: it is listed where the member is told.
async fn behind(connection: &mut Connection, scene: &Scene<'_>, members: &[StoredIncident]) -> Result<Vec<StoredIncident>, StoreError> {
    let causes: BTreeSet<&str> = scene.settings.checks.iter().flat_map(|expected| &expected.behind).map(String::as_str).collect();
    let mut behind = Vec::new();
    for member in members.iter().filter(|member| causes.contains(member.incident.check.as_str())) {
        behind.extend(incidents::explained_by(connection, &member.incident.key).await?);
    }
    Ok(behind)
}

/// The check as which a group is told: the first by the alphabet.
fn first(members: &[StoredIncident]) -> &str {
    members.iter().map(|stored| stored.incident.check.as_str()).min().unwrap_or_default()
}

/// A name that no group has: in one moment, one check may be the first of those that are over, and of those that are not.
async fn unused(connection: &mut Connection, mut at: Moment, first: &str) -> Result<String, StoreError> {
    while incidents::find(connection, &named(at, first)).await?.is_some() {
        at = at + Duration::from_millis(1);
    }
    Ok(named(at, first))
}

async fn group_of(
    connection: &mut Connection,
    scene: &Scene<'_>,
    name: String,
    members: &[StoredIncident],
    behind: &[StoredIncident],
) -> Result<Incident, StoreError> {
    let incidents: Vec<&Incident> = members.iter().map(|stored| &stored.incident).collect();
    let heard_at = groups::heard_at(connection).await?;
    let names: BTreeSet<&String> = members.iter().chain(behind).map(|stored| &stored.incident.check).collect();
    Ok(Incident {
        key: name.clone(),
        check: name,
        status: if incidents.iter().any(|incident| incident.status == Status::Down) { Status::Down } else { Status::Poorly },
        severity: incidents.iter().map(|incident| incident.severity).max().unwrap_or(Severity::Warning),
        since: incidents.iter().map(|incident| incident.since).min().unwrap_or(scene.now),
        reason: Reason::Together {
            checks: names.into_iter().cloned().collect(),
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
