//! What was over before anybody had heard of it. Its end says it all, and is written when it ends; here it waits for others that ended like it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scene::Scene;
use super::{resolution, telling};
use crate::domain::follow_up::Plan;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::store::incidents::StoredIncident;
use crate::store::{Connection, StoreError, incidents, notices, outbox};

/// An end that waits is due so long after it was to be told with others: the courier tells it even if nobody decides.
const WAIT: Duration = Duration::from_secs(1);

/// They wait for others until then.
pub(super) async fn hold(connection: &mut Connection, over: Vec<StoredIncident>, until: Moment) -> Result<(), StoreError> {
    for mut stored in over {
        stored.decide_at = Some(until);
        save(connection, &stored).await?;
        for mut end in notices::about(connection, &stored.incident.key).await? {
            end.due_at = until + WAIT;
            outbox::postpone(connection, &end).await?;
        }
    }
    Ok(())
}

/// It has waited for others: now it is told with those that are there.
pub(super) async fn decide(connection: &mut Connection, scene: &Scene<'_>, stored: StoredIncident) -> Result<(), StoreError> {
    match scene.gather(stored) {
        Some(alone) => tell(connection, scene, vec![alone]).await,
        None => Ok(()),
    }
}

/// Each is told by itself, as it was written.
pub(super) async fn tell(connection: &mut Connection, scene: &Scene<'_>, over: Vec<StoredIncident>) -> Result<(), StoreError> {
    for mut stored in over {
        if stored.decide_at.take().is_some() {
            save(connection, &stored).await?;
            notices::release(connection, &stored.incident.key, scene.now).await?;
        }
    }
    Ok(())
}

/// Those who are told to the same channels, with the same to follow, by their channels. Who is told by itself by now, or is being told, is not told
/// once more.
pub(super) async fn alike(
    connection: &mut Connection,
    scene: &Scene<'_>,
    over: Vec<StoredIncident>,
) -> Result<Vec<(Vec<String>, Vec<StoredIncident>)>, StoreError> {
    let mut alike: BTreeMap<(Vec<String>, &Plan), Vec<StoredIncident>> = BTreeMap::new();
    for stored in over {
        let ends = notices::about(connection, &stored.incident.key).await?;
        if ends.is_empty() || ends.iter().any(|end| end.attempts > 0 || end.taken_at.is_some()) {
            tell(connection, scene, vec![stored]).await?;
            continue;
        }
        let mut channels: Vec<String> = ends.into_iter().map(|end| end.channel).collect();
        channels.sort();
        alike.entry((channels, scene.settings.plan_of(&stored.incident.check))).or_default().push(stored);
    }
    Ok(alike.into_iter().map(|((channels, _), members)| (channels, members)).collect())
}

/// They are told to these channels as one that ended with the last of them.
pub(super) async fn tell_as(
    connection: &mut Connection,
    scene: &Scene<'_>,
    mut group: Incident,
    members: Vec<StoredIncident>,
    channels: &[String],
) -> Result<(), StoreError> {
    let until = members.iter().filter_map(|member| member.incident.resolved_at).max().unwrap_or(scene.now);
    group.resolved_at = Some(until);
    let group = StoredIncident { incident: group, opened_at: scene.now, decide_at: None, decide_until: None, explained: false };
    incidents::save(connection, &group).await?;
    for mut member in members {
        telling::withdrawn(connection, scene, &member.incident.key).await?;
        (member.decide_at, member.explained) = (None, true);
        save(connection, &member).await?;
    }
    let mut notice = telling::notice(scene, &group.incident);
    notice.reason = resolution::whole(&group.incident, until);
    for channel in channels {
        notices::write(connection, &notice.clone().for_channel(channel), channel, scene.now).await?;
    }
    Ok(())
}

/// Writes what is over. Its check may have failed again since: that is what this transaction goes on knowing of it.
async fn save(connection: &mut Connection, stored: &StoredIncident) -> Result<(), StoreError> {
    let again = incidents::open_of(connection, &stored.incident.check).await?;
    incidents::save(connection, stored).await?;
    match again {
        Some(again) => incidents::save(connection, &again).await,
        None => Ok(()),
    }
}
