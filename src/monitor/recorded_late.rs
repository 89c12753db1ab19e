//! A beat that arrived in time and was stored after the flip takes the flip back.

use super::resolution;
use super::scene::Scene;
use crate::domain::beat::BeatKind;
use crate::domain::check::{State, Status};
use crate::domain::clock_step::redated;
use crate::domain::moment::Moment;
use crate::store::checks::StoredCheck;
use crate::store::{Connection, StoreError, flips, incidents};

/// The state before the flip, if the flip was silence and the beat had arrived by then. Its incident is taken back.
pub(super) async fn undo(
    connection: &mut Connection,
    scene: &Scene<'_>,
    stored: &StoredCheck,
    kind: BeatKind,
    arrived_at: Moment,
) -> Result<Option<State>, StoreError> {
    let counts = matches!(kind, BeatKind::Success | BeatKind::Fail);
    if stored.state.status != Status::Down || !counts || arrived_at >= stored.state.since {
        return Ok(None);
    }
    let Some(last) = flips::last_of(connection, &stored.name).await? else { return Ok(None) };
    if !last.flip.reason.is_silence() {
        return Ok(None);
    }
    tracing::warn!(check = stored.name, deadline = %last.flip.at, arrived = %arrived_at, "recorded late: the flip is taken back");
    take_back(connection, scene, &stored.name).await?;
    // The flip is dated by the clock as it was then: the check went down at that moment, by whatever clock.
    let stepped_ms = stored.state.since.as_millis().saturating_sub(last.flip.at.as_millis());
    Ok(Some(redated(&last.before, stepped_ms)))
}

/// Takes back the flips that made the check's present incident, and the incident.
pub(super) async fn take_back(connection: &mut Connection, scene: &Scene<'_>, check: &str) -> Result<(), StoreError> {
    let incident = incidents::open_of(connection, check).await?;
    let key = incident.as_ref().map(|incident| incident.incident.key.clone());
    flips::remove_last(connection, check).await?;
    while key.is_some() && flips::last_of(connection, check).await?.is_some_and(|last| last.incident == key) {
        flips::remove_last(connection, check).await?;
    }
    match incident {
        Some(incident) => resolution::take_back(connection, scene, incident).await,
        None => Ok(()),
    }
}
