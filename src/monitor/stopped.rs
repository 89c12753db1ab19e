//! A colour that expects no instance was stopped on purpose: what hangs on it is quiet, and begins anew when it is started again.

use super::resolution;
use super::scene::Scene;
use crate::domain::check::{Check, State};
use crate::domain::moment::Moment;
use crate::domain::roster::Wanted;
use crate::store::checks::Seen;
use crate::store::{Connection, StoreError, checks, incidents, instances};

/// It is quiet from now on; its open incident is over.
pub(super) async fn stop(connection: &mut Connection, scene: &Scene<'_>, name: &str) -> Result<(), StoreError> {
    pause(connection, scene, name, "stopped on purpose: nothing is expected of it now").await
}

/// Has a check quiet from now on, for this reason; its open incident is over.
pub(super) async fn pause(connection: &mut Connection, scene: &Scene<'_>, name: &str, why: &str) -> Result<(), StoreError> {
    let Some(mut stored) = checks::find(connection, name).await? else { return Ok(()) };
    let Some(check) = scene.check(&stored) else { return Ok(()) };
    tracing::info!(check = name, why, "quiet from now on");
    if let Some(open) = incidents::open_of(connection, name).await? {
        resolution::forget(connection, scene, open, why).await?;
    }
    instances::forget_all(connection, name).await?;
    (stored.state, stored.look_at, stored.seen) = (anew(&stored.state, &check, scene.now), None, Seen::default());
    checks::save(connection, stored).await
}

/// It is expected again, as if it were new.
pub(super) async fn resume(connection: &mut Connection, scene: &Scene<'_>, name: &str) -> Result<(), StoreError> {
    let Some(mut stored) = checks::find(connection, name).await? else { return Ok(()) };
    let Some(check) = scene.check(&stored) else { return Ok(()) };
    tracing::info!(check = name, "expected again");
    stored.state = anew(&stored.state, &check, scene.now);
    stored.look_at = (!stored.state.waits).then(|| stored.state.deadline(&check));
    stored.wanted = scene.wanted(name).map(|count| Wanted::new(count, scene.now));
    checks::save(connection, stored).await
}

/// As if it were new; what waits for its first beat goes on waiting for it.
fn anew(before: &State, check: &Check, now: Moment) -> State {
    State { waits: before.waits, ..State::new(check, now) }
}
