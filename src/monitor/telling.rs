//! Notices of incidents, written in the commit of the flip.

use super::scene::Scene;
use crate::domain::check::Status;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, key};
use crate::domain::quiet::Hush;
use crate::domain::role::Role;
use crate::net::place::incident_path;
use crate::store::notices::StoredNotice;
use crate::store::{Connection, StoreError, follow_ups, incidents, notices};

/// The notice of an incident, for no channel yet.
pub(super) fn notice(scene: &Scene<'_>, incident: &Incident) -> Notice {
    let role = Role::of(&incident.check);
    let mut notice = Notice::about(incident, &scene.settings.app, scene.colour(), role.colour(), scene.now);
    if role == Role::Channel && incident.resolved_at.is_none() {
        notice.kind = NoticeKind::ChannelDead;
    }
    let page = |url: &String| format!("{}{}", url.trim_end_matches('/'), incident_path(&incident.key));
    notice.url = scene.settings.page_url.as_ref().map(page);
    notice
}

/// Writes that an incident is there, to be told from `due_at` on; or, where somebody asked for quiet, when that is over.
pub(super) async fn opened(connection: &mut Connection, scene: &Scene<'_>, incident: &Incident, due_at: Moment) -> Result<(), StoreError> {
    let hush = scene.hushed(&incident.check);
    let plan = scene.settings.plan_of(&incident.check);
    let state = follow_ups::of(connection, &incident.key).await?.unwrap_or_default().opened(due_at, hush.is_some());
    let look_at = hush.as_ref().map(|hush| hush.until).or_else(|| state.next(plan));
    follow_ups::save(connection, &incident.key, &state, look_at).await?;
    if let Some(hush) = hush {
        tracing::info!(incident = incident.key, why = hush.why, "recorded, and not told");
        return Ok(());
    }
    let notice = notice(scene, incident);
    let further = plan.escalate.iter().filter(|_| state.is_escalated).flat_map(|escalation| escalation.to.clone());
    for channel in scene.settings.channels_of(&incident.check).into_iter().chain(further) {
        notices::write(connection, &notice.clone().for_channel(&channel), &channel, due_at).await?;
    }
    Ok(())
}

/// What would be said now is said when the quiet is over. True where it is.
async fn is_put_off(connection: &mut Connection, scene: &Scene<'_>, incident: &Incident) -> Result<bool, StoreError> {
    let Some(Hush { until, .. }) = scene.hushed(&incident.check) else { return Ok(false) };
    let mut state = follow_ups::of(connection, &incident.key).await?.unwrap_or_default();
    state.is_hushed = true;
    follow_ups::save(connection, &incident.key, &state, Some(until)).await?;
    Ok(true)
}

/// A notice that would be sent in a time of quiet gives way to what is told at the end of that, where its incident is still open. True where it did.
pub(super) async fn gives_way(connection: &mut Connection, scene: &Scene<'_>, notice: &Notice) -> Result<bool, StoreError> {
    if !notice.kind.is_beginning() || scene.hushed(&notice.subject.check).is_none() {
        return Ok(false);
    }
    let found = incidents::find(connection, &notice.subject.incident).await?;
    let Some(open) = found.filter(|found| found.incident.resolved_at.is_none()) else { return Ok(false) };
    if is_put_off(connection, scene, &open.incident).await? {
        notices::withdraw(connection, &notice.key, scene.now).await?;
        return Ok(true);
    }
    Ok(false)
}

/// What was written about an incident, but for channels that were taken out of the config since.
async fn heard(connection: &mut Connection, scene: &Scene<'_>, incident: &Incident) -> Result<Vec<StoredNotice>, StoreError> {
    let mut about = notices::about(connection, &incident.key).await?;
    about.retain(|stored| scene.settings.has_channel(&stored.channel));
    Ok(about)
}

/// Tells it again to everybody who has been told, for the `count`th time. A reminder that nobody has taken gives way to the next.
pub(super) async fn reminded(connection: &mut Connection, scene: &Scene<'_>, incident: &Incident, count: u32) -> Result<(), StoreError> {
    let mut reminder = notice(scene, incident);
    reminder.kind = NoticeKind::CheckReminder;
    let about = heard(connection, scene, incident).await?;
    for stored in about.iter().filter(|stored| stored.notice.kind == NoticeKind::CheckReminder && stored.attempts == 0) {
        notices::withdraw(connection, &stored.notice.key, scene.now).await?;
    }
    for channel in scene.settings.channels_of(&incident.check).iter().filter(|name| about.iter().all(|stored| stored.channel != **name)) {
        // It was withdrawn for the time of a quiet.
        notices::write(connection, &notice(scene, incident).for_channel(channel), channel, scene.now).await?;
    }
    let mut channels: Vec<&String> = about.iter().map(|stored| &stored.channel).collect();
    channels.sort();
    channels.dedup();
    for channel in channels {
        reminder.key = format!("{}/{count}", key(&incident.key, reminder.kind, channel));
        notices::write(connection, &reminder, channel, scene.now).await?;
    }
    Ok(())
}

/// Tells it to further channels: those that have not heard of it hear it as new, with why they do.
pub(super) async fn escalated(
    connection: &mut Connection,
    scene: &Scene<'_>,
    incident: &Incident,
    to: &[String],
) -> Result<(), StoreError> {
    let mut notice = notice(scene, incident);
    notice.reason = format!("nobody has acknowledged it since {}: {}", incident.since, incident.reason);
    for channel in to {
        notices::write(connection, &notice.clone().for_channel(channel), channel, scene.now).await?;
    }
    Ok(())
}

/// Withdraws whatever nobody has taken or is taking now.
pub(super) async fn withdrawn(connection: &mut Connection, scene: &Scene<'_>, incident: &str) -> Result<(), StoreError> {
    for stored in notices::about(connection, incident).await? {
        let is_claimed = stored.claimed_until.is_some_and(|until| until > scene.now);
        if stored.taken_at.is_none() && !is_claimed {
            notices::withdraw(connection, &stored.notice.key, scene.now).await?;
        }
    }
    Ok(())
}

/// Whether some channel has taken a notice of this incident, or is taking one now.
pub(super) async fn is_told(connection: &mut Connection, scene: &Scene<'_>, incident: &str) -> Result<bool, StoreError> {
    let about = notices::about(connection, incident).await?;
    Ok(about.iter().any(|stored| stored.taken_at.is_some() || stored.claimed_until.is_some_and(|until| until > scene.now)))
}

/// Whether some channel has taken a notice of this incident, or was asked to.
pub(super) async fn is_tried(connection: &mut Connection, incident: &str) -> Result<bool, StoreError> {
    let about = notices::about(connection, incident).await?;
    Ok(about.iter().any(|stored| stored.attempts > 0 || stored.taken_at.is_some()))
}

/// Whether this channel has taken a notice of the beginning of this incident, or is taking one now.
pub(super) async fn is_told_by(connection: &mut Connection, scene: &Scene<'_>, incident: &str, channel: &str) -> Result<bool, StoreError> {
    let about = notices::about(connection, incident).await?;
    let mut openings = about.iter().filter(|stored| stored.channel == channel && stored.notice.kind != NoticeKind::CheckResolved);
    Ok(openings.any(|stored| stored.taken_at.is_some() || stored.claimed_until.is_some_and(|until| until > scene.now)))
}

/// The severity has changed: what is not told yet says the new one; who was told is told again if it is graver now.
pub(super) async fn reworded(
    connection: &mut Connection,
    scene: &Scene<'_>,
    incident: &Incident,
    is_graver: bool,
) -> Result<(), StoreError> {
    let is_graver = is_graver && !is_put_off(connection, scene, incident).await?;
    for stored in heard(connection, scene, incident).await? {
        let mut notice = stored.notice;
        notice.subject.severity = incident.severity;
        notice.subject.live = scene.colour();
        let is_claimed = stored.claimed_until.is_some_and(|until| until > scene.now);
        if stored.taken_at.is_none() && !is_claimed {
            notices::reword(connection, &notice).await?;
        } else if is_graver && notice.kind != NoticeKind::CheckReminder {
            notice.kind = NoticeKind::CheckReminder;
            notice.at = scene.now;
            notice.reason = format!("now critical: {}", incident.reason);
            // Not the number of an ordinary reminder.
            notice.key = format!("{}/critical-{}", key(&incident.key, notice.kind, &stored.channel), scene.now.as_millis());
            notices::write(connection, &notice, &stored.channel, scene.now).await?;
        }
    }
    Ok(())
}

/// The reason has changed: what is not told yet says the new one; where it is worse since then, who was told is told again.
pub(super) async fn another_reason(
    connection: &mut Connection,
    scene: &Scene<'_>,
    incident: &Incident,
    worse_since: Option<Moment>,
) -> Result<(), StoreError> {
    let worse_since = if worse_since.is_some() && is_put_off(connection, scene, incident).await? { None } else { worse_since };
    for stored in heard(connection, scene, incident).await? {
        let mut notice = stored.notice;
        let is_claimed = stored.claimed_until.is_some_and(|until| until > scene.now);
        notice.reason = incident.reason.to_string();
        if stored.taken_at.is_none() && !is_claimed {
            notices::reword(connection, &notice).await?;
        } else if let Some(since) = worse_since.filter(|_| notice.kind != NoticeKind::CheckReminder) {
            notice.kind = NoticeKind::CheckReminder;
            notice.at = scene.now;
            notice.subject.status = incident.status;
            notice.key = format!("{}/{}", key(&incident.key, notice.kind, &stored.channel), since.as_millis());
            notices::write(connection, &notice, &stored.channel, scene.now).await?;
        }
    }
    Ok(())
}

/// Whoever was told by the sender itself knows already.
pub(super) async fn told_by_sender(
    connection: &mut Connection,
    scene: &Scene<'_>,
    incident: &str,
    told: &[String],
) -> Result<(), StoreError> {
    for stored in notices::about(connection, incident).await? {
        let opening = stored.notice.kind != NoticeKind::CheckResolved;
        if opening && stored.taken_at.is_none() && told.contains(&stored.channel) {
            crate::store::outbox::take(connection, &stored.notice.key, scene.now, "told by the sender").await?;
        }
    }
    Ok(())
}

/// `down`, `doing poorly`.
pub(super) fn trouble_word(status: Status) -> &'static str {
    if status == Status::Poorly { "doing poorly" } else { "down" }
}
