//! What changes with what the prober says of the cluster.

use super::cause::{self, Verdict};
use super::heard::{FACT, LiveHeard};
use super::scene::Scene;
use super::{history, replicas, stopped, telling};
use crate::domain::beat::Live;
use crate::domain::incident::{Severity, severity};
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::store::incidents::StoredIncident;
use crate::store::{Connection, StoreError, checks, facts, incidents};

/// What hangs on a colour, or on which of them is live.
const OF_COLOURS: [&str; 8] =
    ["blue", "green", "heartbeat-blue", "heartbeat-green", "instances-blue", "instances-green", "preview", "site"];

/// Takes what the prober says. Where the colour or the deploy has changed, what hangs on it is decided again.
pub(super) async fn hear(connection: &mut Connection, scene: &mut Scene<'_>, said: &Live, at: Moment) -> Result<(), StoreError> {
    let mut live = said.clone();
    // What could not be read is as it was.
    live.expected = live.expected.or(scene.live.live.expected);
    // It has rows of its own, and is not read with every beat.
    history::keep(connection, &std::mem::take(&mut live.journal)).await?;
    let before = std::mem::replace(&mut scene.live, LiveHeard { live, heard_at: Some(at) });
    facts::set(connection, FACT, &scene.live).await?;
    if before.live.deploy != said.deploy || before.live.colour != said.colour {
        for name in OF_COLOURS.into_iter().filter(|name| !scene.is_stopped(name)) {
            checks::look_soon(connection, name, scene.now).await?;
        }
    }
    expect(connection, scene, &before).await?;
    if before.live.colour != said.colour { decide_again(connection, scene).await } else { Ok(()) }
}

/// What was stopped is quiet, what was started is expected again, and where the number has changed it counts from now on.
async fn expect(connection: &mut Connection, scene: &Scene<'_>, before: &LiveHeard) -> Result<(), StoreError> {
    for name in OF_COLOURS {
        match (before.is_stopped(Role::of(name)), scene.live.is_stopped(Role::of(name))) {
            (false, true) => stopped::stop(connection, scene, name).await?,
            (true, false) => stopped::resume(connection, scene, name).await?,
            (true, true) => {}
            (false, false) => {
                let (Some(stored), Some(count)) = (checks::find(connection, name).await?, scene.wanted(name)) else { continue };
                if stored.wanted.as_ref().is_none_or(|wanted| wanted.count != count) {
                    replicas::expect(connection, scene, stored, count).await?;
                }
            }
        }
    }
    Ok(())
}

/// Whether it waits for nothing but others, to be told with them.
async fn is_gathered(connection: &mut Connection, scene: &Scene<'_>, stored: &StoredIncident) -> Result<bool, StoreError> {
    let is_held = stored.decide_at.is_some() && stored.incident.cause.is_none() && !stored.explained;
    Ok(is_held && cause::verdict(connection, scene, &stored.incident).await? == Verdict::Alone)
}

/// Open incidents have another severity under another live colour; one that becomes critical is told at once.
async fn decide_again(connection: &mut Connection, scene: &Scene<'_>) -> Result<(), StoreError> {
    let open = incidents::open(connection).await?;
    // A group is as grave as it was told; a member that is graver now is told by itself.
    for mut stored in open.into_iter().filter(|stored| Role::of(&stored.incident.check) != Role::Group) {
        let incident = &mut stored.incident;
        let before = incident.severity;
        incident.severity = severity(Role::of(&incident.check), incident.status, scene.colour());
        let is_graver = before != Severity::Critical && incident.severity == Severity::Critical;
        if before != stored.incident.severity {
            if is_graver && is_gathered(connection, scene, &stored).await? {
                // What is critical waits for nobody.
                stored.decide_at = Some(scene.now);
            }
            incidents::save(connection, &stored).await?;
        }
        if stored.incident.cause.is_some() {
            cause::confirm(connection, scene, stored).await?;
        } else if before != stored.incident.severity {
            telling::reworded(connection, scene, &stored.incident, is_graver).await?;
        }
    }
    Ok(())
}
