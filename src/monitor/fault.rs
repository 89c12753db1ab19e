//! A flip opens an incident, continues it or resolves it, with its notices, in one transaction.

use super::scene::Scene;
use super::{cause, resolution, telling};
use crate::domain::check::{Flip, State, Status};
use crate::domain::incident::{Incident, severity};
use crate::domain::role::Role;
use crate::domain::roster::Rewording;
use crate::store::flips::StoredFlip;
use crate::store::incidents::StoredIncident;
use crate::store::{Connection, StoreError, flips, incidents};

/// Writes a flip and everything that follows from it.
pub(super) async fn flipped(
    connection: &mut Connection,
    scene: &Scene<'_>,
    check: &str,
    before: State,
    flip: Flip,
) -> Result<(), StoreError> {
    if !scene.is_crowd {
        tracing::info!(check, from = %flip.from, to = %flip.to, reason = %flip.reason, "flip");
    }
    let incident = match incidents::open_of(connection, check).await? {
        None if flip.to.is_trouble() => Some(open(connection, scene, check, &flip).await?),
        None => None,
        Some(stored) if flip.to.is_trouble() => Some(go_on(connection, scene, stored, &flip).await?),
        Some(stored) if flip.to == Status::Up => Some(resolution::resolve(connection, scene, stored, flip.at).await?),
        Some(stored) => Some(stored.incident.key),
    };
    flips::insert(connection, check, &StoredFlip { flip, before, incident }).await
}

async fn open(connection: &mut Connection, scene: &Scene<'_>, check: &str, flip: &Flip) -> Result<String, StoreError> {
    let mut incident = Incident::open(check, flip, scene.colour());
    incident.key = unused(connection, incident.key).await?;
    let stored = StoredIncident { incident, opened_at: scene.now, decide_at: None, decide_until: None, explained: false };
    incidents::save(connection, &stored).await?;
    let key = stored.incident.key.clone();
    cause::open(connection, scene, stored).await?;
    cause::adopt(connection, scene, check, &key).await?;
    Ok(key)
}

/// The open incident has another reason. Where one more is not well, who was told is told of it.
pub(super) async fn reworded(connection: &mut Connection, scene: &Scene<'_>, check: &str, rewording: Rewording) -> Result<(), StoreError> {
    let Some(mut stored) = incidents::open_of(connection, check).await? else { return Ok(()) };
    tracing::info!(check, reason = %rewording.reason, "the incident goes on for another reason");
    stored.incident.reason = rewording.reason;
    incidents::save(connection, &stored).await?;
    telling::another_reason(connection, scene, &stored.incident, rewording.worse_since).await
}

/// A key that was resolved is not used again: its notices are taken, and nobody would hear.
async fn unused(connection: &mut Connection, wanted: String) -> Result<String, StoreError> {
    let mut key = wanted.clone();
    let mut count = 1;
    while incidents::find(connection, &key).await?.is_some() {
        count += 1;
        key = format!("{wanted}-{count}");
    }
    Ok(key)
}

/// The same incident, graver or less so. Only what is graver is told anew.
async fn go_on(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredIncident, flip: &Flip) -> Result<String, StoreError> {
    let incident = &mut stored.incident;
    incident.status = flip.to;
    incident.reason = flip.reason.clone();
    incident.severity = severity(Role::of(&incident.check), flip.to, scene.colour());
    incident.flips += 1;
    incidents::save(connection, &stored).await?;
    let key = stored.incident.key.clone();
    if flip.to != Status::Down {
        return Ok(key);
    }
    if stored.incident.cause.is_some() {
        // What explained it so far may be less grave.
        cause::confirm(connection, scene, stored).await?;
        return Ok(key);
    }
    telling::withdrawn(connection, scene, &key).await?;
    match stored.decide_at {
        Some(_) => cause::open(connection, scene, stored).await?,
        None => telling::opened(connection, scene, &stored.incident, scene.now).await?,
    }
    Ok(key)
}
