//! Notices of incidents, written in the commit of the flip.

use super::scene::Scene;
use crate::domain::check::Status;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, key};
use crate::domain::role::Role;
use crate::store::{Connection, StoreError, notices};

/// The notice of an incident, for no channel yet.
pub(super) fn notice(scene: &Scene<'_>, incident: &Incident) -> Notice {
    let role = Role::of(&incident.check);
    let mut notice = Notice::about(incident, &scene.settings.app, scene.colour(), role.colour(), scene.now);
    if role == Role::Channel && incident.resolved_at.is_none() {
        notice.kind = NoticeKind::ChannelDead;
    }
    notice.url.clone_from(&scene.settings.page_url);
    notice
}

/// Writes that an incident is there, to be told from `due_at` on. Those that `told` names know already.
pub(super) async fn opened(connection: &mut Connection, scene: &Scene<'_>, incident: &Incident, due_at: Moment) -> Result<(), StoreError> {
    let notice = notice(scene, incident);
    for channel in scene.settings.channels_of(&incident.check) {
        notices::write(connection, &notice.clone().for_channel(&channel), &channel, due_at).await?;
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

/// The severity has changed: what is not told yet says the new one; who was told is told again if it is graver now.
pub(super) async fn reworded(
    connection: &mut Connection,
    scene: &Scene<'_>,
    incident: &Incident,
    is_graver: bool,
) -> Result<(), StoreError> {
    for stored in notices::about(connection, &incident.key).await? {
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
            notice.key = format!("{}/{}", key(&incident.key, notice.kind, &stored.channel), scene.live.live.epoch);
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
    for stored in notices::about(connection, &incident.key).await? {
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
