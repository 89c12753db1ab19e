//! What nobody needs any more is forgotten from the oldest on, a thousand rows at a time: no step reads or writes more.

use super::connection::Connection;
use super::error::StoreError;
use super::statement::sql;
use crate::domain::moment::Moment;

/// So many rows are looked at in one step.
pub const STEP: u32 = 1_000;

/// Where the oldest beats are dated by a clock that was ahead, an old one is looked for in so many places.
const PLACES: i64 = 64;

/// Forgets the oldest beats of all, where they were received before `before`. Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn oldest_beats(connection: &mut Connection, before: Moment, now: Moment) -> Result<u64, StoreError> {
    let Some(edge) = edge(connection, 0, before, now).await? else { return Ok(0) };
    sql("DELETE FROM beat WHERE id <= ? AND (received_at < ? OR received_at > ?)").bind(edge).bind(before).bind(now).run(connection).await
}

/// Forgets beats that are no pings and were received before `before`, from the row `after` on. Says up to which row it has looked;
/// none where there is nothing more to look at.
///
/// # Errors
/// Where the store refuses.
pub async fn frequent_beats(
    connection: &mut Connection,
    after: i64,
    before: Moment,
    now: Moment,
    ping: &str,
) -> Result<Option<i64>, StoreError> {
    let edge = edge(connection, after, before, now).await?;
    if let Some(edge) = edge {
        sql("DELETE FROM beat WHERE id > ? AND id <= ? AND key_id <> ? AND (received_at < ? OR received_at > ?)")
            .bind(after)
            .bind(edge)
            .bind(ping)
            .bind(before)
            .bind(now)
            .run(connection)
            .await?;
    }
    Ok(edge)
}

/// Of the next rows after `after`, the last one that was stored before `before`. None: none was.
///
/// Rows stand in the order in which they were stored. One that is dated later than `now` was stored while the clock was ahead: it is as old as what
/// stands beside it, and where it were waited for, nothing after it would ever be forgotten.
async fn edge(connection: &mut Connection, after: i64, before: Moment, now: Moment) -> Result<Option<i64>, StoreError> {
    let next = sql("SELECT max(id) AS edge FROM (SELECT id, received_at FROM beat WHERE id > ? ORDER BY id LIMIT ?) AS oldest
         WHERE received_at < ?");
    let edge = next.bind(after).bind(STEP).bind(before).one(connection).await?.get::<Option<i64>>("edge")?;
    let (None, Some((first, dated))) = (edge, from(connection, after.saturating_add(1)).await?) else { return Ok(edge) };
    if dated <= now {
        return Ok(None);
    }
    let newest = newest_beat(connection).await?;
    for place in 1..=PLACES {
        let Some((row, dated)) = from(connection, first + (newest - first) / PLACES * place).await? else { break };
        if dated < before {
            let next = sql("SELECT max(id) AS edge FROM (SELECT id FROM beat WHERE id > ? AND id <= ? ORDER BY id LIMIT ?) AS oldest");
            return next.bind(after).bind(row).bind(STEP).one(connection).await?.get("edge");
        }
    }
    Ok(None)
}

/// The first beat from this row on, and when it was received.
async fn from(connection: &mut Connection, row: i64) -> Result<Option<(i64, Moment)>, StoreError> {
    let found = sql("SELECT id, received_at FROM beat WHERE id >= ? ORDER BY id LIMIT 1").bind(row).first(connection).await?;
    found.map(|found| Ok((found.get("id")?, found.get("received_at")?))).transpose()
}

/// The newest beat's row.
///
/// # Errors
/// Where the store does not answer.
pub async fn newest_beat(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(sql("SELECT max(id) AS newest FROM beat").one(connection).await?.get::<Option<i64>>("newest")?.unwrap_or(0))
}

/// Forgets the oldest flips, where they fell before `before`. Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn oldest_flips(connection: &mut Connection, before: Moment) -> Result<u64, StoreError> {
    sql("DELETE FROM flip WHERE at < ? AND id IN (SELECT id FROM flip ORDER BY id LIMIT ?)").bind(before).bind(STEP).run(connection).await
}

/// Forgets incidents that were resolved before `before`, who has seen to them, and which of them were told as one. Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn oldest_incidents(connection: &mut Connection, before: Moment) -> Result<u64, StoreError> {
    const OLDEST: &str = "(SELECT key FROM incident WHERE resolved_at < ? ORDER BY resolved_at, key LIMIT ?)";
    for beside in ["acknowledgement", "alarm_group"] {
        sql(format!("DELETE FROM {beside} WHERE incident IN {OLDEST}")).bind(before).bind(STEP).run(connection).await?;
    }
    sql(format!("DELETE FROM incident WHERE key IN {OLDEST}")).bind(before).bind(STEP).run(connection).await
}

/// Forgets the oldest notices that were taken or withdrawn, but for those of incidents that are open: who was told is to hear of the end.
/// Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn oldest_notices(connection: &mut Connection, before: Moment) -> Result<u64, StoreError> {
    // What may not be forgotten yet does not take the place of what may, however much of it there is.
    sql("DELETE FROM notice WHERE created_at < ? AND id IN (
           SELECT id FROM notice n WHERE (taken_at IS NOT NULL OR withdrawn_at IS NOT NULL)
             AND NOT EXISTS (SELECT 1 FROM incident i WHERE i.key = n.incident AND i.resolved_at IS NULL)
           ORDER BY id LIMIT ?)")
    .bind(before)
    .bind(STEP)
    .run(connection)
    .await
}
