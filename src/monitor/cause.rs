//! One fault, one incident: what stands behind another fault waits for it, and is listed there.

use std::time::Duration;

use super::expected::period;
use super::scene::Scene;
use super::telling;
use crate::domain::check::{Check, Reason, Status};
use crate::domain::colour::Colour;
use crate::domain::grouping::CROWD;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::role::{PossibleCause, Role};
use crate::store::checks::StoredCheck;
use crate::store::incidents::StoredIncident;
use crate::store::{Connection, StoreError, checks, incidents, notices};

/// A notice waits so long for a cause of which nothing is heard.
const WAIT: Duration = Duration::from_secs(1);
/// While a notice waits, its possible causes are looked at so often: it waits no longer than until they are known to be well.
const AGAIN: Duration = Duration::from_millis(200);
/// A user's own check may be due once a day: neither for such a cause nor for its own recovery does anything wait longer than this.
const LONGEST_OWN: Duration = Duration::from_secs(30);

/// Whether another incident explains this one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The incident with this key does.
    Caused(String),
    /// A possible cause is failing or late: it may yet.
    Undecided,
    /// A possible cause has not been heard since the trouble began: it may yet, if it hurries.
    Unheard,
    /// Nothing does.
    Alone,
}

/// The name of the check that has this role, where there is exactly one.
fn name_of(role: Role) -> Option<&'static str> {
    match role {
        Role::Colour(colour) => Some(colour.as_str()),
        Role::Proxy => Some("proxy"),
        Role::Prober => Some("prober"),
        Role::Preview => Some("preview"),
        Role::Site => Some("site"),
        Role::Instances(Colour::Blue) => Some("instances-blue"),
        Role::Instances(Colour::Green) => Some("instances-green"),
        Role::Engine => Some("engine"),
        Role::Heartbeat(_) | Role::Nodes | Role::Watcher | Role::Up | Role::Channel | Role::Config | Role::Group | Role::Own => None,
    }
}

/// Whether it is told by itself in any case: a built-in check that may explain others, and a group.
pub(super) fn is_in_no_group(check: &str) -> bool {
    let role = Role::of(check);
    role == Role::Group || name_of(role).is_some()
}

/// A new incident: told at once, or held for its cause, or behind its cause from the start.
pub(super) async fn open(connection: &mut Connection, scene: &Scene<'_>, stored: StoredIncident) -> Result<(), StoreError> {
    match verdict(connection, scene, &stored.incident).await? {
        Verdict::Caused(cause) => stand_behind(connection, scene, stored, cause).await,
        Verdict::Undecided | Verdict::Unheard => hold_and_look(connection, scene, stored, WAIT, scene.now + AGAIN).await,
        Verdict::Alone => ready(connection, scene, stored).await,
    }
}

/// Decides on an incident that was held.
pub(super) async fn decide(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredIncident) -> Result<(), StoreError> {
    let verdict = verdict(connection, scene, &stored.incident).await?;
    let may_wait = match verdict {
        Verdict::Undecided => stored.decide_until.is_some_and(|until| scene.now < until),
        Verdict::Unheard => scene.now < stored.opened_at + WAIT,
        Verdict::Caused(_) | Verdict::Alone => false,
    };
    match verdict {
        Verdict::Caused(cause) => stand_behind(connection, scene, stored, cause).await,
        Verdict::Undecided | Verdict::Unheard if may_wait => {
            stored.decide_at = Some(scene.now + AGAIN);
            incidents::save(connection, &stored).await
        }
        Verdict::Undecided | Verdict::Unheard | Verdict::Alone => ready(connection, scene, stored).await,
    }
}

/// A cause has opened: those that wait and that it explains stand behind it.
pub(super) async fn adopt(connection: &mut Connection, scene: &Scene<'_>, check: &str, key: &str) -> Result<(), StoreError> {
    // What explains nothing need not be held against everything.
    if name_of(Role::of(check)).is_none() {
        return Ok(());
    }
    for stored in incidents::open(connection).await? {
        let is_fresh = stored.decide_at.is_some() || scene.now.since(stored.opened_at) <= WAIT;
        let is_free = stored.incident.cause.is_none() && stored.incident.key != key && is_fresh;
        if !is_free || telling::is_told(connection, scene, &stored.incident.key).await? {
            continue;
        }
        if let Verdict::Caused(cause) = verdict(connection, scene, &stored.incident).await? {
            stand_behind(connection, scene, stored, cause).await?;
        }
    }
    Ok(())
}

/// Whether the cause still explains it; if not, it waits for another, and is told if there is none.
pub(super) async fn confirm(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredIncident) -> Result<(), StoreError> {
    match verdict(connection, scene, &stored.incident).await? {
        Verdict::Caused(cause) if stored.incident.cause.as_ref() == Some(&cause) => Ok(()),
        Verdict::Caused(cause) => stand_behind(connection, scene, stored, cause).await,
        Verdict::Undecided | Verdict::Unheard | Verdict::Alone => {
            if let Some(group) = group(connection, &stored.incident).await? {
                // It stays where it was told, unless it is worse than what people heard there.
                if stored.incident.severity <= group.severity && (stored.incident.status, group.status) != (Status::Down, Status::Poorly) {
                    return Ok(());
                }
                stored.incident.cause = None;
                return tell(connection, scene, stored).await;
            }
            stored.incident.cause = None;
            // What it stood behind is over: it has the time of its own recovery to end as well.
            let own = checks::find(connection, &stored.incident.check).await?.and_then(|check| scene.check(&check));
            let recovery = own.map_or(Duration::ZERO, |check| period(&check) * check.rise);
            let longest = longest_wait(Role::of(&stored.incident.check));
            hold(connection, scene, stored, recovery.min(longest) + WAIT).await
        }
    }
}

/// The group in which it was told, if it was.
async fn group(connection: &mut Connection, incident: &Incident) -> Result<Option<Incident>, StoreError> {
    let Some(cause) = incident.cause.as_deref().filter(|cause| Role::of(cause) == Role::Group) else { return Ok(None) };
    Ok(incidents::find(connection, cause).await?.map(|stored| stored.incident).filter(|group| group.resolved_at.is_none()))
}

/// What the other checks say of this incident.
pub(super) async fn verdict(connection: &mut Connection, scene: &Scene<'_>, incident: &Incident) -> Result<Verdict, StoreError> {
    let mut verdict = Verdict::Alone;
    let is_hushed = scene.hushed(&incident.check).is_some();
    for (name, possible) in possible_causes(scene, &incident.check) {
        // What is stopped on purpose is in no trouble, and gets into none; what is not told explains nothing that is.
        if scene.is_stopped(name) || (!is_hushed && scene.hushed(name).is_some()) {
            continue;
        }
        let Some(check) = checks::find(connection, name).await? else { continue };
        let of_one = match incidents::open_of(connection, name).await? {
            Some(open) if is_graver(incident, &open.incident, possible.role) => Verdict::Alone,
            Some(open) if possible.explains(&open.incident.reason, &incident.reason) => {
                let root = open.incident.cause.unwrap_or(open.incident.key);
                if root == incident.key { Verdict::Alone } else { return Ok(Verdict::Caused(root)) }
            }
            Some(_) => Verdict::Alone,
            None => undecided(scene, possible, &check, incident),
        };
        verdict = match (verdict, of_one) {
            (Verdict::Undecided, _) | (_, Verdict::Undecided) => Verdict::Undecided,
            (Verdict::Unheard, _) | (_, Verdict::Unheard) => Verdict::Unheard,
            (verdict, _) => verdict,
        };
    }
    Ok(verdict)
}

/// What is less grave explains nothing: nobody would hear of the worse. But a heartbeat asks the same app as the prober, with less patience:
/// what is slow for the one fails for the other.
fn is_graver(incident: &Incident, than: &Incident, role: Role) -> bool {
    let is_impatient = matches!((role, Role::of(&incident.check)), (Role::Colour(_), Role::Heartbeat(_))) && !incident.reason.is_silence();
    than.status == Status::Poorly && incident.status == Status::Down && !is_impatient
}

/// What a check that is not in trouble may yet turn out to be.
fn undecided(scene: &Scene<'_>, possible: PossibleCause, check: &StoredCheck, incident: &Incident) -> Verdict {
    let is_silence = incident.reason.is_silence();
    let is_late = scene.now > check.state.due;
    match check.state.status {
        _ if possible.of_silence_only && !is_silence => Verdict::Alone,
        Status::Failing if !possible.of_silence_only => Verdict::Undecided,
        Status::Up | Status::New | Status::Late if is_silence && is_late => Verdict::Undecided,
        Status::Up if check.state.last_heard.is_some_and(|heard| heard > incident.since) => Verdict::Alone,
        Status::Up | Status::New | Status::Late | Status::Failing => Verdict::Unheard,
        Status::Poorly | Status::Down | Status::Stopped | Status::Paused => Verdict::Alone,
    }
}

/// It is ready to be told: at once, or with what else this transaction finds. A built-in check that may explain others is in no group: what it explains
/// is listed with it, and what outlasts it is told when it is over, not when the last of a group is.
async fn ready(connection: &mut Connection, scene: &Scene<'_>, stored: StoredIncident) -> Result<(), StoreError> {
    if is_in_no_group(&stored.incident.check) {
        return tell(connection, scene, stored).await;
    }
    match scene.gather(stored) {
        Some(alone) => tell(connection, scene, alone).await,
        None => Ok(()),
    }
}

/// Tells it by itself.
pub(super) async fn tell(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredIncident) -> Result<(), StoreError> {
    let was_held = stored.decide_until.is_some();
    (stored.decide_at, stored.decide_until, stored.explained) = (None, None, false);
    incidents::save(connection, &stored).await?;
    telling::opened(connection, scene, &stored.incident, scene.now).await?;
    if was_held { notices::release(connection, &stored.incident.key, scene.now).await } else { Ok(()) }
}

/// It may wait so long, and is not looked at before.
pub(super) async fn hold(connection: &mut Connection, scene: &Scene<'_>, stored: StoredIncident, wait: Duration) -> Result<(), StoreError> {
    hold_and_look(connection, scene, stored, wait, scene.now + wait).await
}

/// It may wait so long, and as long as the slowest possible cause takes to be decided; it is looked at first at `decide_at`. Its notices are written in
/// this same commit, due when the wait is over at the latest: the courier tells them even if nobody decides.
async fn hold_and_look(
    connection: &mut Connection,
    scene: &Scene<'_>,
    mut stored: StoredIncident,
    wait: Duration,
    decide_at: Moment,
) -> Result<(), StoreError> {
    let until = scene.now + wait + longest(connection, scene, &stored.incident).await?;
    stored.decide_at = Some(decide_at);
    stored.decide_until = Some(stored.decide_until.unwrap_or(until));
    let due_at: Moment = until + WAIT;
    incidents::save(connection, &stored).await?;
    telling::opened(connection, scene, &stored.incident, due_at).await
}

/// How long the slowest possible cause takes to be decided.
async fn longest(connection: &mut Connection, scene: &Scene<'_>, incident: &Incident) -> Result<Duration, StoreError> {
    let mut longest = Duration::ZERO;
    for (name, possible) in possible_causes(scene, &incident.check) {
        let Some(check) = checks::find(connection, name).await?.and_then(|stored| scene.check(&stored)) else { continue };
        longest = longest.max(time_to_fall(&check).min(longest_wait(possible.role)));
    }
    Ok(longest)
}

fn longest_wait(role: Role) -> Duration {
    if role == Role::Own { LONGEST_OWN } else { Duration::MAX }
}

/// What may be the cause of a check's trouble: by its role, and by what its settings say.
fn possible_causes<'a>(scene: &'a Scene<'_>, check: &str) -> Vec<(&'a str, PossibleCause)> {
    let by_role = Role::of(check).possible_causes(scene.colour()).into_iter();
    let by_role = by_role.filter_map(|possible| Some((name_of(possible.role)?, possible)));
    let said = scene.settings.expected(check).into_iter().flat_map(|expected| &expected.behind);
    let said = said.map(|name| (name.as_str(), PossibleCause { role: Role::of(name), of_silence_only: false }));
    by_role.chain(said).collect()
}

fn time_to_fall(check: &Check) -> Duration {
    (period(check) * check.fall).max(period(check) + check.grace) + WAIT
}

/// What ends while it is held, and is by then explained by one of a group, ends as what stands behind it: the group's end names it.
pub(super) async fn end_in_group(
    connection: &mut Connection,
    scene: &Scene<'_>,
    stored: StoredIncident,
) -> Result<StoredIncident, StoreError> {
    let key = stored.incident.key.clone();
    if stored.decide_at.is_none() || stored.explained || telling::is_told(connection, scene, &key).await? {
        return Ok(stored);
    }
    let Verdict::Caused(cause) = verdict(connection, scene, &stored.incident).await? else { return Ok(stored) };
    if incidents::find(connection, &cause).await?.is_none_or(|found| !has_room(&found.incident)) {
        return Ok(stored);
    }
    stand_behind(connection, scene, stored.clone(), cause).await?;
    Ok(incidents::find(connection, &key).await?.unwrap_or(stored))
}

/// Whether it is a group that can name one more. A longer list is read by nobody, and written anew with each of them.
fn has_room(incident: &Incident) -> bool {
    Role::of(&incident.check) == Role::Group && incident.members().len() < CROWD
}

/// What stands behind one of a group is named in its end, as those are that it was told of.
async fn name_in_group(connection: &mut Connection, group: &str, checks: &[String]) -> Result<(), StoreError> {
    if Role::of(group) != Role::Group {
        return Ok(());
    }
    let Some(mut stored) = incidents::find(connection, group).await?.filter(|stored| has_room(&stored.incident)) else { return Ok(()) };
    if let Reason::Together { checks: named, .. } = &mut stored.incident.reason {
        let more: Vec<String> = checks.iter().filter(|check| !named.contains(check)).cloned().collect();
        named.extend(more);
    }
    incidents::save(connection, &stored).await
}

async fn stand_behind(connection: &mut Connection, scene: &Scene<'_>, mut stored: StoredIncident, cause: String) -> Result<(), StoreError> {
    tracing::info!(incident = stored.incident.key, cause, "explained");
    telling::withdrawn(connection, scene, &stored.incident.key).await?;
    let mut checks = vec![stored.incident.check.clone()];
    for mut behind in incidents::explained_by(connection, &stored.incident.key).await? {
        checks.push(behind.incident.check.clone());
        behind.incident.cause = Some(cause.clone());
        incidents::save(connection, &behind).await?;
    }
    name_in_group(connection, &cause, &checks).await?;
    (stored.decide_at, stored.decide_until, stored.explained) = (None, None, true);
    stored.incident.cause = Some(cause);
    incidents::save(connection, &stored).await
}
