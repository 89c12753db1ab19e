//! Everything that waits for a moment, moved when the system's clock was set.

use serde::{Deserialize, Serialize};

use super::connection::{Connection, Transaction};
use super::dialect::Dialect;
use super::error::StoreError;
use super::statement::sql;
use super::{facts, json};
use crate::clock;
use crate::domain::clock_step::moved;
use crate::domain::follow_up::FollowUp;
use crate::domain::moment::Moment;

/// The steps of its server's clock that a store was moved by, as a fact.
pub(super) const STEPS: &str = "clock";

/// The steps of its server's clock that a store was moved by. They are written with what they move: whoever knows others is dated by another clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// How many.
    pub count: u64,
    /// By how many milliseconds in all.
    pub by_ms: i64,
}

impl Steps {
    /// And one more.
    #[must_use]
    pub fn and(self, by_ms: i64) -> Self {
        Self { count: self.count.saturating_add(1), by_ms: self.by_ms.saturating_add(by_ms) }
    }
}

/// What a server's clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// By how many milliseconds it is ahead of ours.
    pub ahead_ms: i64,
    /// By so many milliseconds that may be wrong: the way of question and answer.
    pub within_ms: i64,
}

impl Shown {
    /// What it shows now.
    #[must_use]
    pub fn now(self) -> Moment {
        moved(clock::now(), self.ahead_ms)
    }
}

/// A transaction in which a store can be moved after its server's clock. Nobody else writes meanwhile.
#[derive(Debug)]
pub struct Following {
    /// Where to write.
    pub transaction: Transaction,
    /// What the clock shows.
    pub shown: Shown,
    /// What the store was moved by.
    pub steps: Steps,
    /// By how many milliseconds that was since this process agreed with the clock; none: not at all.
    pub followed_ms: Option<i64>,
}

/// Writes down by which steps the store is moved.
///
/// # Errors
/// Where the store refuses.
pub async fn write(connection: &mut Connection, steps: Steps) -> Result<(), StoreError> {
    facts::set(connection, STEPS, &steps).await
}

/// Moves what is to be told and what is to be decided, so that each still waits as long as it would have, and what is not over, so that it has
/// lasted as long as it did; what is over as well, while its end is still to be told; and the lease of a deploy or switch. What somebody has named
/// a time for (a mute, a pause) stays.
///
/// # Errors
/// Where the store refuses.
pub async fn shift(connection: &mut Connection, by_ms: i64) -> Result<(), StoreError> {
    sql("UPDATE notice SET created_at = created_at + ?, due_at = due_at + ?, claimed_until = claimed_until + ?, failed_since = failed_since + ?
         WHERE taken_at IS NULL AND withdrawn_at IS NULL")
    .bind_all([by_ms.into(), by_ms.into(), by_ms.into(), by_ms.into()])
    .run(connection)
    .await?;
    sql("UPDATE incident SET since = since + ?, opened_at = opened_at + ?, decide_at = decide_at + ?, decide_until = decide_until + ?,
           resolved_at = resolved_at + ?
         WHERE resolved_at IS NULL OR key IN (SELECT incident FROM notice WHERE taken_at IS NULL AND withdrawn_at IS NULL)")
    .bind_all([by_ms.into(), by_ms.into(), by_ms.into(), by_ms.into(), by_ms.into()])
    .run(connection)
    .await?;
    sql("UPDATE channel SET failed_since = failed_since + ?, said_at = said_at + ?")
        .bind_all([by_ms.into(), by_ms.into()])
        .run(connection)
        .await?;
    sql("UPDATE alarm_group SET opened_at = opened_at + ?").bind(by_ms).run(connection).await?;
    if connection.dialect() == Dialect::Sqlite {
        // Whoever deploys or switches has as long as before, and the others wait no longer. A journal stands in a file, and goes by our own clock.
        sql("UPDATE lease SET until = until + ?").bind(by_ms).run(connection).await?;
    }
    follow_ups(connection, by_ms).await
}

async fn follow_ups(connection: &mut Connection, by_ms: i64) -> Result<(), StoreError> {
    let rows = sql("SELECT incident, state, look_at FROM follow_up").all(connection).await?;
    for row in rows {
        let (incident, mut state): (String, FollowUp) = (row.get("incident")?, row.json("state")?);
        let look_at: Option<Moment> = row.get("look_at")?;
        state.told_at = state.told_at.map(|at| moved(at, by_ms));
        state.said_at = state.said_at.map(|at| moved(at, by_ms));
        // Looked at early is harmless: what is hushed until a stated time is put off again.
        let look_at = look_at.map(|at| at.min(moved(at, by_ms)));
        sql("UPDATE follow_up SET state = ?, look_at = ? WHERE incident = ?")
            .bind(json::write(&state)?)
            .bind(look_at)
            .bind(incident)
            .run(connection)
            .await?;
    }
    Ok(())
}
