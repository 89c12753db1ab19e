//! Rows of `alarm_group`: many incidents that are told as one. Its members name it as their cause.

use super::connection::Connection;
use super::error::StoreError;
use super::statement::sql;
use crate::domain::moment::Moment;

/// Asked at every sweep: it looks at nothing but the groups that are not over.
const EMPTY: &str = "SELECT incident FROM alarm_group g WHERE over_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM incident m WHERE m.cause = g.incident AND m.resolved_at IS NULL) ORDER BY incident";
/// Asked with every failure that is heard.
const NEWEST: &str = "SELECT max(opened_at) AS opened_at FROM alarm_group WHERE opened_at > ? AND opened_at <= ?";

/// Writes that a group was told.
///
/// # Errors
/// Where the store refuses.
pub async fn insert(connection: &mut Connection, incident: &str, at: Moment) -> Result<(), StoreError> {
    let query = sql("INSERT INTO alarm_group (incident, opened_at) VALUES (?, ?) ON CONFLICT (incident) DO NOTHING");
    query.bind(incident).bind(at).run(connection).await?;
    Ok(())
}

/// The groups that are told and have no open member any more.
///
/// # Errors
/// Where the store does not answer.
pub async fn empty(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    sql(EMPTY).all(connection).await?.iter().map(|row| row.get("incident")).collect()
}

/// Writes that a group is over.
///
/// # Errors
/// Where the store refuses.
pub async fn end(connection: &mut Connection, incident: &str, at: Moment) -> Result<(), StoreError> {
    let query = sql("UPDATE alarm_group SET over_at = ? WHERE incident = ?");
    query.bind(at).bind(incident).run(connection).await?;
    Ok(())
}

/// How many incidents were opened after `after` and until `now` and are told by themselves, and when the last group was told in that time. Where one
/// was, nothing is counted: that says more, and there may be many by then.
///
/// # Errors
/// Where the store does not answer.
pub async fn lately(connection: &mut Connection, after: Moment, now: Moment) -> Result<(i64, Option<Moment>), StoreError> {
    // What was opened later was opened before the clock was set back.
    let group_at = sql(NEWEST).bind(after).bind(now).one(connection).await?.get::<Option<Moment>>("opened_at")?;
    if group_at.is_some() {
        return Ok((0, group_at));
    }
    let alone = "SELECT count(*) AS count FROM incident WHERE opened_at > ? AND opened_at <= ? AND cause IS NULL AND decide_at IS NULL AND check_name NOT LIKE 'group-%'";
    Ok((sql(alone).bind(after).bind(now).count(connection).await?, None))
}

/// When anybody was heard last, of the newest beats; what we probe ourselves is not heard.
///
/// # Errors
/// Where the store does not answer.
pub async fn heard_at(connection: &mut Connection) -> Result<Option<Moment>, StoreError> {
    let query = "SELECT max(received_at) AS received_at FROM (SELECT received_at, key_id FROM beat ORDER BY id DESC LIMIT 200) newest WHERE key_id <> 'own'";
    sql(query).one(connection).await?.get("received_at")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::Store;

    #[tokio::test]
    async fn however_many_groups_are_over_they_are_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let mut reader = store.read().await.unwrap();
        for (query, index) in [(EMPTY, "alarm_group_open "), (NEWEST, "alarm_group_opened ")] {
            let rows = sql(format!("EXPLAIN QUERY PLAN {query}")).all(&mut reader).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail").unwrap()).collect();
            assert!(steps[0].starts_with("SEARCH") && steps[0].contains(index), "{steps:?}");
        }
    }
}
