//! The end of an incident: who heard of it hears that it is over; nobody hears the end before the beginning.

use std::collections::BTreeMap;

use super::scene::Scene;
use super::{cause, telling};
use crate::domain::incident::Incident;
use crate::domain::moment::{Moment, humane};
use crate::domain::notice::{Notice, NoticeKind, key};
use crate::store::incidents::StoredIncident;
use crate::store::notices::StoredNotice;
use crate::store::{Connection, StoreError, follow_ups, incidents, notices};

/// What one channel knows of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Knows {
    /// Nothing: its notice was not taken.
    Nothing,
    /// Perhaps: it was asked to take it, and nobody knows whether it did.
    Perhaps,
    /// It was told, or is being told at this moment.
    Told,
}

/// How the end begins for who has heard of the beginning.
const WELL_AGAIN: &str = "well again after";

/// Ends an incident at `at`. An end of which nobody has heard the beginning may be told together with others.
pub(super) async fn resolve(
    connection: &mut Connection,
    scene: &Scene<'_>,
    stored: StoredIncident,
    at: Moment,
) -> Result<String, StoreError> {
    let words = |incident: &Incident, knows: Knows| match knows {
        Knows::Told => format!("{WELL_AGAIN} {}; it was: {}", humane(at.since(incident.since)), incident.reason),
        Knows::Nothing | Knows::Perhaps => whole(incident, at),
    };
    let stored = cause::end_in_group(connection, scene, stored).await?;
    let (ended, most) = end(connection, scene, stored, at, words).await?;
    let key = ended.incident.key.clone();
    if most == Some(Knows::Nothing) && !cause::is_in_no_group(&ended.incident.check) {
        // What is not gathered is due at once, as it was written.
        scene.gather(ended);
    }
    Ok(key)
}

/// From when until when it was, and why: for who has not heard of it.
pub(super) fn whole(incident: &Incident, until: Moment) -> String {
    let Incident { status, since, reason, .. } = incident;
    format!("was {} from {since} until {until} ({}): {reason}", telling::trouble_word(*status), humane(until.since(*since)))
}

/// The end for a channel in place of a beginning that it has not taken: nobody is told that something is down which is well by now. None where
/// the incident is not over, or where it is no beginning.
pub(super) async fn overtaking(
    connection: &mut Connection,
    scene: &Scene<'_>,
    beginning: &Notice,
    channel: &str,
) -> Result<Option<Notice>, StoreError> {
    if !beginning.kind.is_beginning() {
        return Ok(None);
    }
    let Some(StoredIncident { incident, .. }) = incidents::find(connection, &beginning.subject.incident).await? else { return Ok(None) };
    let Some(until) = incident.resolved_at else { return Ok(None) };
    let about = notices::about(connection, &incident.key).await?;
    let written = about.into_iter().find(|stored| stored.channel == channel && stored.notice.kind == NoticeKind::CheckResolved);
    Ok(Some(match written {
        // Why it was taken back, or nothing is expected any more, stays.
        Some(stored) if !stored.notice.reason.starts_with(WELL_AGAIN) => stored.notice,
        _ => Notice {
            key: key(&incident.key, NoticeKind::CheckResolved, channel),
            reason: whole(&incident, until),
            ..telling::notice(scene, &incident)
        },
    }))
}

/// Has a beginning give way to its end, where that is there by now: the channel has not taken it, or its answer was lost. True where it did.
pub(super) async fn overtakes(connection: &mut Connection, scene: &Scene<'_>, beginning: &StoredNotice) -> Result<bool, StoreError> {
    let channel = &beginning.channel;
    let Some(end) = overtaking(connection, scene, &beginning.notice, channel).await? else { return Ok(false) };
    notices::withdraw(connection, &beginning.notice.key, scene.now).await?;
    if !telling::is_told_by(connection, scene, &end.subject.incident, channel).await? {
        notices::write(connection, &end, channel, scene.now).await?;
        notices::reword(connection, &end).await?;
    }
    Ok(true)
}

/// Takes an incident back: the beat had been there in time.
pub(super) async fn take_back(connection: &mut Connection, scene: &Scene<'_>, stored: StoredIncident) -> Result<(), StoreError> {
    telling::withdrawn(connection, scene, &stored.incident.key).await?;
    let words = |_: &Incident, _: Knows| "recorded late: the beat had arrived in time, and was stored only after the alarm".to_owned();
    end(connection, scene, stored, scene.now, words).await.map(|_| ())
}

/// Ends the incident of a check of which nothing is expected any more, and says why.
pub(super) async fn forget(connection: &mut Connection, scene: &Scene<'_>, stored: StoredIncident, why: &str) -> Result<(), StoreError> {
    telling::withdrawn(connection, scene, &stored.incident.key).await?;
    let words = |_: &Incident, _: Knows| why.to_owned();
    end(connection, scene, stored, scene.now, words).await.map(|_| ())
}

/// Gives it back as it is from now on, with the most that anybody knows who hears of its end; none where nobody does.
async fn end(
    connection: &mut Connection,
    scene: &Scene<'_>,
    mut stored: StoredIncident,
    at: Moment,
    words: impl Fn(&Incident, Knows) -> String,
) -> Result<(StoredIncident, Option<Knows>), StoreError> {
    let open = stored.incident.clone();
    stored.incident.resolved_at = Some(at);
    stored.incident.cause = None;
    (stored.decide_at, stored.decide_until) = (None, None);
    incidents::save(connection, &stored).await?;
    follow_ups::remove(connection, &open.key).await?;
    let listeners = listeners(connection, scene, &stored).await?;
    let most = listeners.values().max().copied();
    for (channel, knows) in listeners {
        let mut notice = telling::notice(scene, &stored.incident);
        notice.reason = words(&open, knows);
        notice.key = key(&notice.subject.incident, NoticeKind::CheckResolved, &channel);
        notices::write(connection, &notice, &channel, scene.now).await?;
    }
    for behind in incidents::explained_by(connection, &open.key).await? {
        cause::confirm(connection, scene, behind).await?;
    }
    Ok((stored, most))
}

/// Who is to hear of the end. What nobody has taken is withdrawn, and the end says it all; what people heard of elsewhere needs no end.
async fn listeners(connection: &mut Connection, scene: &Scene<'_>, stored: &StoredIncident) -> Result<BTreeMap<String, Knows>, StoreError> {
    let mut listeners = BTreeMap::new();
    for StoredNotice { notice, channel, claimed_until, taken_at, attempts, .. } in notices::about(connection, &stored.incident.key).await? {
        let is_claimed = claimed_until.is_some_and(|until| until > scene.now);
        let knows = match attempts {
            _ if taken_at.is_some() || is_claimed => Knows::Told,
            0 => Knows::Nothing,
            _ => Knows::Perhaps,
        };
        if knows != Knows::Told {
            notices::withdraw(connection, &notice.key, scene.now).await?;
        }
        if knows != Knows::Nothing || !stored.explained {
            let known = listeners.entry(channel).or_insert(knows);
            *known = knows.max(*known);
        }
    }
    // An answer that was lost may have been that it was taken.
    for channel in notices::tried_and_withdrawn(connection, &stored.incident.key).await? {
        listeners.entry(channel).or_insert(Knows::Perhaps);
    }
    let told = listeners.len();
    listeners.retain(|channel, _| scene.settings.has_channel(channel));
    if listeners.len() < told {
        // One of them was taken out of the config: whoever is told of the check now hears it all.
        for channel in scene.settings.channels_of(&stored.incident.check) {
            listeners.entry(channel).or_insert(Knows::Nothing);
        }
    }
    Ok(listeners)
}
