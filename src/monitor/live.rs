//! What changes with what the prober says of the cluster.

use sqlx::SqliteConnection;

use super::cause;
use super::heard::{FACT, LiveHeard};
use super::scene::Scene;
use super::telling;
use crate::domain::beat::Live;
use crate::domain::incident::{Severity, severity};
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::store::{StoreError, checks, facts, incidents};

/// Takes what the prober says. Where the colour or the deploy has changed, what hangs on it is decided again.
pub(super) async fn hear(connection: &mut SqliteConnection, scene: &mut Scene<'_>, said: &Live, at: Moment) -> Result<(), StoreError> {
    let before = std::mem::replace(&mut scene.live, LiveHeard { live: said.clone(), heard_at: Some(at) });
    facts::set(connection, FACT, &scene.live).await?;
    if before.live.deploy != said.deploy || before.live.colour != said.colour {
        for name in ["blue", "green", "heartbeat-blue", "heartbeat-green", "instances-blue", "instances-green", "preview"] {
            checks::look_soon(connection, name, scene.now).await?;
        }
    }
    if before.live.colour != said.colour { decide_again(connection, scene).await } else { Ok(()) }
}

/// Open incidents have another severity under another live colour; one that becomes critical is told at once.
async fn decide_again(connection: &mut SqliteConnection, scene: &Scene<'_>) -> Result<(), StoreError> {
    for mut stored in incidents::open(connection).await? {
        let incident = &mut stored.incident;
        let before = incident.severity;
        incident.severity = severity(Role::of(&incident.check), incident.status, scene.colour());
        let is_graver = before != Severity::Critical && incident.severity == Severity::Critical;
        if before != incident.severity {
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
