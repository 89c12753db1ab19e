//! What nobody needs any more is forgotten from the oldest on, a thousand rows at a time: no step reads or writes more.

use super::connection::Connection;
use super::error::StoreError;
use super::statement::sql;
use crate::domain::moment::Moment;

/// So many rows are looked at in one step.
pub const STEP: u32 = 1_000;

/// Forgets the oldest beats of all, where they were received before `before`. Says how many.
///
/// # Errors
/// Where the store refuses.
pub async fn oldest_beats(connection: &mut Connection, before: Moment) -> Result<u64, StoreError> {
    sql("DELETE FROM beat WHERE received_at < ? AND id IN (SELECT id FROM beat ORDER BY id LIMIT ?)")
        .bind(before)
        .bind(STEP)
        .run(connection)
        .await
}

/// Forgets beats that are no pings and were received before `before`, from the row `after` on. Says up to which row it has looked;
/// none where there is nothing more to look at.
///
/// # Errors
/// Where the store refuses.
pub async fn frequent_beats(connection: &mut Connection, after: i64, before: Moment, ping: &str) -> Result<Option<i64>, StoreError> {
    let edge = sql("SELECT max(id) AS edge FROM (SELECT id, received_at FROM beat WHERE id > ? ORDER BY id LIMIT ?) AS oldest
         WHERE received_at < ?")
    .bind(after)
    .bind(STEP)
    .bind(before)
    .one(connection)
    .await?
    .get::<Option<i64>>("edge")?;
    if let Some(edge) = edge {
        sql("DELETE FROM beat WHERE id > ? AND id <= ? AND key_id <> ? AND received_at < ?")
            .bind(after)
            .bind(edge)
            .bind(ping)
            .bind(before)
            .run(connection)
            .await?;
    }
    Ok(edge)
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
