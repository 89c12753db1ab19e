//! Rows of `quiet`: what somebody has told to be quiet.

use sqlx::{Row, SqliteConnection};

use super::{StoreError, json};
use crate::domain::moment::Moment;
use crate::domain::quiet::Quiet;

/// All of them, those that are over and not taken away yet included.
///
/// # Errors
/// Where the store does not answer.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<Quiet>, StoreError> {
    let rows =
        sqlx::query("SELECT check_name, kind, by_whom, since, until, note FROM quiet ORDER BY check_name").fetch_all(connection).await?;
    let quiet = rows.iter().map(|row| {
        Ok(Quiet {
            check: row.try_get("check_name")?,
            kind: json::read_word(row.try_get("kind")?)?,
            by: row.try_get("by_whom")?,
            since: Moment::from_millis(row.try_get("since")?),
            until: Moment::from_millis(row.try_get("until")?),
            note: row.try_get("note")?,
        })
    });
    quiet.collect()
}

/// Writes one; it takes the place of whatever was said of its check before.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut SqliteConnection, quiet: &Quiet) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO quiet (check_name, kind, by_whom, since, until, note) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (check_name) DO UPDATE SET kind = excluded.kind, by_whom = excluded.by_whom, since = excluded.since,
           until = excluded.until, note = excluded.note",
    )
    .bind(&quiet.check)
    .bind(json::word(&quiet.kind)?)
    .bind(&quiet.by)
    .bind(quiet.since.as_millis())
    .bind(quiet.until.as_millis())
    .bind(&quiet.note)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether some quiet is over.
///
/// # Errors
/// Where the store does not answer.
pub async fn is_any_over(connection: &mut SqliteConnection, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar("SELECT count(*) FROM quiet WHERE until <= ?");
    let over: i64 = query.bind(now.as_millis()).fetch_one(connection).await?;
    Ok(over > 0)
}

/// Takes away what was said of a check.
///
/// # Errors
/// Where the store refuses.
pub async fn remove(connection: &mut SqliteConnection, check: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM quiet WHERE check_name = ?").bind(check).execute(connection).await?;
    Ok(())
}
