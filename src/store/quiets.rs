//! Rows of `quiet`: what somebody has told to be quiet.

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::statement::sql;
use crate::domain::moment::Moment;
use crate::domain::quiet::Quiet;

/// All of them, those that are over and not taken away yet included.
///
/// # Errors
/// Where the store does not answer.
pub async fn all(connection: &mut Connection) -> Result<Vec<Quiet>, StoreError> {
    let rows = sql("SELECT check_name, kind, by_whom, since, until, note FROM quiet ORDER BY check_name").all(connection).await?;
    let quiet = rows.iter().map(|row| {
        Ok(Quiet {
            check: row.get("check_name")?,
            kind: row.word("kind")?,
            by: row.get("by_whom")?,
            since: row.get("since")?,
            until: row.get("until")?,
            note: row.get("note")?,
        })
    });
    quiet.collect()
}

/// Writes one; it takes the place of whatever was said of its check before.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut Connection, quiet: &Quiet) -> Result<(), StoreError> {
    sql("INSERT INTO quiet (check_name, kind, by_whom, since, until, note) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (check_name) DO UPDATE SET kind = excluded.kind, by_whom = excluded.by_whom, since = excluded.since,
           until = excluded.until, note = excluded.note")
    .bind(&quiet.check)
    .bind(json::word(&quiet.kind)?)
    .bind(&quiet.by)
    .bind(quiet.since)
    .bind(quiet.until)
    .bind(&quiet.note)
    .run(connection)
    .await?;
    Ok(())
}

/// Whether some quiet is over.
///
/// # Errors
/// Where the store does not answer.
pub async fn is_any_over(connection: &mut Connection, now: Moment) -> Result<bool, StoreError> {
    let query = sql("SELECT count(*) AS count FROM quiet WHERE until <= ?");
    Ok(query.bind(now).count(connection).await? > 0)
}

/// Takes away what was said of a check.
///
/// # Errors
/// Where the store refuses.
pub async fn remove(connection: &mut Connection, check: &str) -> Result<(), StoreError> {
    sql("DELETE FROM quiet WHERE check_name = ?").bind(check).run(connection).await?;
    Ok(())
}
