//! The schema, step by step, and how a store is brought up to it.

use super::connection::{Connection, Transaction};
use super::dialect::Dialect;
use super::error::StoreError;
use super::statement::sql;

/// Written once, in the words of SQLite; see [`super::dialect`]. A step that was released is never changed.
const STEPS: &[&str] = &[
    include_str!("schema/monitor.sql"),
    include_str!("schema/release.sql"),
    include_str!("schema/handed_over.sql"),
    include_str!("schema/instances.sql"),
    include_str!("schema/output.sql"),
    include_str!("schema/both.sql"),
    include_str!("schema/pings.sql"),
    include_str!("schema/alarms.sql"),
    include_str!("schema/many.sql"),
    include_str!("schema/page.sql"),
];

/// Takes the steps that are not taken yet.
pub(super) async fn migrate(mut transaction: Transaction) -> Result<(), StoreError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let dialect = transaction.dialect();
    let found = version(&mut transaction, dialect).await?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.script(&dialect.schema(step)).await?;
    }
    let mark = match dialect {
        Dialect::Sqlite => format!("PRAGMA user_version = {known}"),
        Dialect::Postgres => format!("UPDATE allswell_schema SET version = {known}"),
    };
    transaction.script(&mark).await?;
    transaction.commit().await
}

async fn version(connection: &mut Connection, dialect: Dialect) -> Result<i64, StoreError> {
    match dialect {
        Dialect::Sqlite => sql("SELECT user_version AS count FROM pragma_user_version").count(connection).await,
        Dialect::Postgres => {
            let table = "CREATE TABLE IF NOT EXISTS allswell_schema (version BIGINT NOT NULL);
                INSERT INTO allswell_schema SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM allswell_schema)";
            connection.script(table).await?;
            sql("SELECT version AS count FROM allswell_schema").count(connection).await
        }
    }
}
