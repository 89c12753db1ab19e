//! How long answers took, drawn from the beats.

use std::time::Duration;

use super::beats::newest_of;
use super::connection::Connection;
use super::error::StoreError;
use super::statement::sql;
use crate::domain::moment::Moment;

/// What was answered within a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub at: Moment,
    /// The fastest answer, in milliseconds; none where no answer says how long it took.
    pub least_ms: Option<u64>,
    /// The slowest.
    pub most_ms: Option<u64>,
    /// How many beats said that something is wrong.
    pub failed: u64,
}

/// The spans of a check since then, oldest first, each of this length; from its newest `rows` beats and no more.
///
/// # Errors
/// Where the store does not answer.
pub async fn spans(connection: &mut Connection, check: &str, since: Moment, length: Duration, rows: u32) -> Result<Vec<Span>, StoreError> {
    let length_ms = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
    let query = sql(format!(
        "SELECT place, min(ms) AS least, max(ms) AS most, CAST(sum(failed) AS BIGINT) AS failed FROM (
           SELECT received_at / ? AS place, received_at, CASE WHEN kind = 'fail' THEN 1 ELSE 0 END AS failed,
             coalesce(CAST(json(health) ->> 'latency_ms' AS BIGINT), took_ms) AS ms
           FROM beat WHERE id IN ({}) AND kind IN ('success', 'fail') AND ignored IS NULL) AS newest
         WHERE received_at >= ? GROUP BY place ORDER BY place",
        newest_of(check)
    ));
    let found = query.bind(length_ms).bind(check).bind(i64::MAX).bind(rows).bind(since).all(connection).await?;
    let read = |row: &super::row::Row| {
        let at = Moment::from_millis(row.get::<i64>("place")?.saturating_mul(length_ms));
        Ok(Span { at, least_ms: row.get("least")?, most_ms: row.get("most")?, failed: row.get("failed")? })
    };
    found.iter().map(read).collect()
}
