//! What is still open is reminded of, escalated, or told at last because a quiet is over.

use super::scene::Scene;
use super::telling;
use crate::domain::follow_up::{Act, Plan};
use crate::domain::incident::Incident;
use crate::store::{Connection, StoreError, acknowledgements, follow_ups, incidents};

/// Looks at an open incident again. What is over is forgotten; what another explains is told there.
pub(super) async fn look(connection: &mut Connection, scene: &Scene<'_>, key: &str) -> Result<(), StoreError> {
    let Some(state) = follow_ups::of(connection, key).await? else { return Ok(()) };
    let Some(stored) = incidents::find(connection, key).await?.filter(|stored| stored.incident.resolved_at.is_none()) else {
        return follow_ups::remove(connection, key).await;
    };
    let incident = stored.incident;
    if incident.cause.is_some() {
        return follow_ups::save(connection, key, &state, None).await;
    }
    let plan = plan_of(scene, &incident);
    let is_acknowledged = acknowledgements::of(connection, key).await?.is_some();
    let hushed_until = scene.hushed(&incident.check).map(|hush| hush.until);
    let decided = state.decide(&plan, is_acknowledged, hushed_until, scene.now);
    for act in &decided.acts {
        tracing::info!(incident = key, ?act, "nobody has acknowledged it");
        match (act, &plan.escalate) {
            (Act::Tell, _) => telling::opened(connection, scene, &incident, scene.now).await?,
            (Act::Remind, _) => telling::reminded(connection, scene, &incident, decided.state.reminders).await?,
            (Act::Escalate, Some(escalation)) => telling::escalated(connection, scene, &incident, &escalation.to).await?,
            (Act::Escalate, None) => {}
        }
    }
    follow_ups::save(connection, key, &decided.state, decided.look_at).await
}

/// What is done while nobody acknowledges it. Those who are told as one have one plan; but what was told under another config, or by an earlier
/// version, may hold checks with several, and then whatever one of them is owed is done.
fn plan_of(scene: &Scene<'_>, incident: &Incident) -> Plan {
    let first = scene.settings.plan_of(&incident.check).clone();
    let members = incident.members();
    // Who stands behind another of them is named with it, and has nothing done for itself.
    let stands_behind = |check: &str| {
        let mut behind = scene.settings.expected(check).into_iter().flat_map(|expected| &expected.behind);
        behind.any(|name| members.contains(name))
    };
    let told = members.iter().filter(|check| !stands_behind(check.as_str()));
    told.fold(first, |plan, check| plan.and(scene.settings.plan_of(check)))
}
