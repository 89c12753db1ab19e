//! The notices that are not taken yet: claims, receipts, retries.

use super::connection::Connection;
use super::error::StoreError;
use super::notices::{StoredNotice, read};
use super::statement::sql;
use crate::domain::moment::Moment;

/// A notice is tried when it is due, when nobody else is trying, and after whatever was written earlier about the same incident.
/// Where others tell (`?3` is false), only what nobody else can tell: how a switch ended, that the watchers themselves are gone or back,
/// and the end of what this channel heard from us and nobody has taken over, within a second in which that would be written down.
const NEXT: &str = "SELECT * FROM notice n WHERE channel = ?1 AND taken_at IS NULL AND withdrawn_at IS NULL AND due_at <= ?2
     AND (?3 = 1 OR kind LIKE 'switch.%' OR check_name = 'watcher'
       OR (kind = 'check.resolved' AND created_at + 1000 <= ?2 AND EXISTS (SELECT 1 FROM notice o WHERE o.incident = n.incident
         AND o.channel = n.channel AND o.kind <> n.kind AND o.taken_at IS NOT NULL AND o.handed_over_at IS NULL)))
     AND coalesce(claimed_until, 0) <= ?2 AND NOT EXISTS (SELECT 1 FROM notice e WHERE e.incident = n.incident
       AND e.channel = n.channel AND e.id < n.id AND e.taken_at IS NULL AND e.withdrawn_at IS NULL)
     ORDER BY due_at, id LIMIT 1";

/// The next notice for a channel; of those that nobody else tells, unless `all`.
///
/// # Errors
/// Where the store does not answer.
pub async fn next(connection: &mut Connection, channel: &str, all: bool, now: Moment) -> Result<Option<StoredNotice>, StoreError> {
    let row = sql(NEXT).bind(channel).bind(now).bind(all).first(connection).await?;
    row.as_ref().map(read).transpose()
}

/// Claims a notice until `until`, and counts the attempt.
///
/// # Errors
/// Where the store refuses.
pub async fn claim(connection: &mut Connection, key: &str, by: &str, until: Moment) -> Result<(), StoreError> {
    sql("UPDATE notice SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1 WHERE key = ?")
        .bind(by)
        .bind(until)
        .bind(key)
        .run(connection)
        .await?;
    Ok(())
}

/// Lets every claim go: those who claimed are dead, for the store is ours alone.
///
/// # Errors
/// Where the store refuses.
pub async fn release_claims(connection: &mut Connection) -> Result<(), StoreError> {
    sql("UPDATE notice SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by IS NOT NULL").run(connection).await?;
    Ok(())
}

/// Lets go of a claim. False where it is somebody else's by now.
///
/// # Errors
/// Where the store refuses.
pub async fn let_go(connection: &mut Connection, key: &str, by: &str) -> Result<bool, StoreError> {
    let query = sql("UPDATE notice SET claimed_by = NULL, claimed_until = NULL WHERE key = ? AND claimed_by = ?");
    Ok(query.bind(key).bind(by).run(connection).await? > 0)
}

/// The channel took it.
///
/// # Errors
/// Where the store refuses.
pub async fn take(connection: &mut Connection, key: &str, at: Moment, receipt: &str) -> Result<(), StoreError> {
    sql("UPDATE notice SET taken_at = ?, receipt = ?, claimed_by = NULL, claimed_until = NULL, last_error = NULL WHERE key = ?")
        .bind(at)
        .bind(receipt)
        .bind(key)
        .run(connection)
        .await?;
    Ok(())
}

/// The channel did not take it: when it is tried again, and why.
///
/// # Errors
/// Where the store refuses.
pub async fn postpone(connection: &mut Connection, stored: &StoredNotice) -> Result<(), StoreError> {
    sql("UPDATE notice SET due_at = ?, failed_since = ?, last_error = ?, passed_on_at = ? WHERE key = ?")
        .bind(stored.due_at)
        .bind(stored.failed_since)
        .bind(&stored.last_error)
        .bind(stored.passed_on_at)
        .bind(&stored.notice.key)
        .run(connection)
        .await?;
    Ok(())
}

/// Everything that waits for any channel and that nobody is sending, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn unclaimed(connection: &mut Connection, now: Moment) -> Result<Vec<StoredNotice>, StoreError> {
    let query = sql("SELECT * FROM notice WHERE taken_at IS NULL AND withdrawn_at IS NULL AND coalesce(claimed_until, 0) <= ? ORDER BY id");
    query.bind(now).all(connection).await?.iter().map(read).collect()
}

/// What a channel should have taken by now, that nobody is sending and that was not passed on, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn overdue(connection: &mut Connection, channel: &str, now: Moment) -> Result<Vec<StoredNotice>, StoreError> {
    let query = sql("SELECT * FROM notice WHERE channel = ?1 AND taken_at IS NULL AND withdrawn_at IS NULL AND passed_on_at IS NULL
         AND coalesce(claimed_until, 0) <= ?2 AND (attempts > 0 OR due_at <= ?2) ORDER BY id");
    query.bind(channel).bind(now).all(connection).await?.iter().map(read).collect()
}

/// How many notices wait for a channel.
///
/// # Errors
/// Where the store does not answer.
pub async fn waiting(connection: &mut Connection, channel: &str) -> Result<i64, StoreError> {
    let query = sql("SELECT count(*) AS count FROM notice WHERE channel = ? AND taken_at IS NULL AND withdrawn_at IS NULL");
    query.bind(channel).count(connection).await
}

/// When the oldest of them was written. None: none waits.
///
/// # Errors
/// Where the store does not answer.
pub async fn oldest(connection: &mut Connection, channel: &str) -> Result<Option<Moment>, StoreError> {
    let query = sql("SELECT min(created_at) AS oldest FROM notice WHERE channel = ? AND taken_at IS NULL AND withdrawn_at IS NULL");
    query.bind(channel).one(connection).await?.get("oldest")
}

/// How many notices were tried or should have been, and were written before `before`, and were taken by nobody: by this channel or by another in its stead.
/// A channel's own all's well is nobody else's business: of that it is enough that another has told that the channel is dead.
///
/// # Errors
/// Where the store does not answer.
pub async fn homeless(connection: &mut Connection, before: Moment) -> Result<i64, StoreError> {
    let query = sql(
        "SELECT count(*) AS count FROM notice n WHERE taken_at IS NULL AND withdrawn_at IS NULL AND created_at < ?1 AND (attempts > 0 OR due_at < ?1)
         AND NOT EXISTS (SELECT 1 FROM notice o WHERE o.incident = n.incident AND o.kind = n.kind AND o.taken_at IS NOT NULL)
         AND NOT (n.kind = 'channel.well' AND EXISTS (SELECT 1 FROM incident i JOIN notice d ON d.incident = i.key
           WHERE i.check_name = n.check_name AND i.resolved_at IS NULL AND d.kind = 'channel.dead' AND d.taken_at IS NOT NULL))",
    );
    query.bind(before).count(connection).await
}
