//! What one channel does not take is told by others in its stead.

use super::expected::ChannelRule;
use super::scene::Scene;
use super::{resolution, telling};
use crate::domain::notice::NoticeKind;
use crate::store::notices::StoredNotice;
use crate::store::{Connection, StoreError, incidents, notices, outbox};

/// A channel's own all's well is nobody else's business.
fn is_for_others(kind: NoticeKind) -> bool {
    !matches!(kind, NoticeKind::ChannelWell | NoticeKind::ChannelTest)
}

/// Others are told now of everything that waits for a channel that has failed for a minute, or for good. Says how many notices these are.
pub(super) async fn of_dead_channel(connection: &mut Connection, scene: &Scene<'_>, rule: &ChannelRule) -> Result<u64, StoreError> {
    let mut passed_on = 0;
    for mut stored in outbox::overdue(connection, &rule.name, scene.now).await? {
        if !is_for_others(stored.notice.kind) {
            continue;
        }
        let others = others(connection, scene, rule, &stored).await?;
        tell(connection, scene, &others, &stored).await?;
        stored.passed_on_at = Some(scene.now);
        outbox::postpone(connection, &stored).await?;
        passed_on += 1;
    }
    Ok(passed_on)
}

/// Who is told what this channel does not take: its fallback; all others where it has none, or where that one has not taken it either.
async fn others(
    connection: &mut Connection,
    scene: &Scene<'_>,
    rule: &ChannelRule,
    stored: &StoredNotice,
) -> Result<Vec<String>, StoreError> {
    if let Some(fallback) = &rule.fallback {
        let about = notices::about(connection, &stored.notice.subject.incident).await?;
        let has_failed = |other: &StoredNotice| other.attempts > 0 && other.taken_at.is_none();
        if !about.iter().any(|other| other.channel == *fallback && other.notice.kind == stored.notice.kind && has_failed(other)) {
            return Ok(vec![fallback.clone()]);
        }
    }
    Ok(scene.settings.channels.iter().map(|other| other.name.clone()).filter(|name| *name != rule.name).collect())
}

/// The same notice for these channels. Those who have it already are not told twice.
async fn tell(connection: &mut Connection, scene: &Scene<'_>, channels: &[String], stored: &StoredNotice) -> Result<(), StoreError> {
    for channel in channels {
        // It has ended while this channel was asked: the others hear the end, and not a beginning whose end was written without them.
        let end = resolution::overtaking(connection, scene, &stored.notice, channel).await?;
        let mut notice = end.unwrap_or_else(|| stored.notice.clone().for_channel(channel));
        if stored.notice.kind == NoticeKind::CheckResolved
            && !telling::is_told_by(connection, scene, &notice.subject.incident, channel).await?
        {
            // Who has not heard of the beginning hears it all.
            if let Some(ended) = incidents::find(connection, &notice.subject.incident).await? {
                notice.reason = resolution::whole(&ended.incident, ended.incident.resolved_at.unwrap_or(notice.at));
            }
        }
        notices::write(connection, &notice, channel, scene.now).await?;
    }
    Ok(())
}

/// Whoever is to hear of a check now is told what waits for a channel that was taken out of the config. What somebody is sending stays: of
/// several watchers one may have the channel still.
pub(super) async fn of_removed_channels(connection: &mut Connection, scene: &Scene<'_>) -> Result<(), StoreError> {
    for stored in outbox::unclaimed(connection, scene.now).await? {
        if scene.settings.has_channel(&stored.channel) {
            continue;
        }
        tracing::warn!(channel = stored.channel, notice = stored.notice.key, "not taken before its channel was taken out of the config");
        notices::withdraw(connection, &stored.notice.key, scene.now).await?;
        if is_for_others(stored.notice.kind) {
            tell(connection, scene, &scene.settings.channels_of(&stored.notice.subject.check), &stored).await?;
        }
    }
    Ok(())
}
