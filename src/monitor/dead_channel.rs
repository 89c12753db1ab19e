//! A channel that takes nothing is an incident, told by the others.

use super::scene::Scene;
use super::{resolution, telling};
use crate::domain::check::{Reason, Status};
use crate::domain::incident::{Incident, Severity};
use crate::domain::moment::Moment;
use crate::store::incidents::StoredIncident;
use crate::store::notices::StoredNotice;
use crate::store::{Connection, StoreError, incidents};

fn check(channel: &str) -> String {
    format!("channel-{channel}")
}

/// The channel has failed for a minute, or for good. Told once.
pub(super) async fn tell(
    connection: &mut Connection,
    scene: &Scene<'_>,
    channel: &str,
    failed_since: Moment,
    stored: &StoredNotice,
) -> Result<(), StoreError> {
    let check = check(channel);
    if incidents::open_of(connection, &check).await?.is_some() {
        return Ok(());
    }
    let what = stored.last_error.clone().unwrap_or_default();
    let incident = Incident {
        key: format!("{check}-{}", failed_since.as_millis()),
        check,
        status: Status::Down,
        severity: Severity::Warning,
        since: failed_since,
        reason: Reason::Failing { what, times: stored.attempts },
        cause: None,
        flips: 1,
        resolved_at: None,
    };
    if incidents::find(connection, &incident.key).await?.is_some() {
        return Ok(());
    }
    let stored = StoredIncident { incident, opened_at: scene.now, decide_at: None, decide_until: None, explained: false };
    incidents::save(connection, &stored).await?;
    telling::opened(connection, scene, &stored.incident, scene.now).await
}

/// The channel has taken something.
pub(super) async fn revive(connection: &mut Connection, scene: &Scene<'_>, channel: &str) -> Result<(), StoreError> {
    match incidents::open_of(connection, &check(channel)).await? {
        Some(stored) => resolution::resolve(connection, scene, stored, scene.now).await.map(|_| ()),
        None => Ok(()),
    }
}
