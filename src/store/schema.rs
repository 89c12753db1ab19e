//! The schema, step by step, and how a store is brought up to it.

use super::connection::{Connection, Transaction};
use super::dialect::Dialect;
use super::error::StoreError;
use super::statement::sql;

/// A step of the schema.
enum Step {
    /// Written once, in the words of SQLite; see [`super::dialect`].
    Both(&'static str),
    /// What a file and a server do differently.
    Each { file: &'static str, server: &'static str },
}

/// A step that was released is never changed.
const STEPS: &[Step] = &[
    Step::Both(include_str!("schema/monitor.sql")),
    Step::Both(include_str!("schema/release.sql")),
    Step::Both(include_str!("schema/handed_over.sql")),
    Step::Both(include_str!("schema/instances.sql")),
    Step::Both(include_str!("schema/output.sql")),
    Step::Both(include_str!("schema/both.sql")),
    Step::Both(include_str!("schema/pings.sql")),
    Step::Both(include_str!("schema/alarms.sql")),
    Step::Both(include_str!("schema/many.sql")),
    Step::Each { file: include_str!("schema/message_file.sql"), server: include_str!("schema/message_server.sql") },
    Step::Both(include_str!("schema/page.sql")),
    Step::Both(include_str!("schema/shelves.sql")),
    Step::Each { file: include_str!("schema/shelf_file.sql"), server: include_str!("schema/shelf_server.sql") },
    Step::Both(include_str!("schema/heard.sql")),
    Step::Each { file: include_str!("schema/put_off_file.sql"), server: include_str!("schema/put_off_server.sql") },
    // A server's shelves are views.
    Step::Each { file: include_str!("schema/shelved_file.sql"), server: "SELECT 1" },
    Step::Both(include_str!("schema/groups.sql")),
    Step::Both(include_str!("schema/orders.sql")),
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
    if dialect == Dialect::Postgres {
        // Whatever a server allows a statement: of a store with very many beats a step takes its time, and would never be taken.
        transaction.script("SET LOCAL statement_timeout = 0").await?;
    }
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        let text = match (step, dialect) {
            (Step::Both(text), _) => &dialect.schema(text),
            (Step::Each { file, .. }, Dialect::Sqlite) => *file,
            (Step::Each { server, .. }, Dialect::Postgres) => *server,
        };
        transaction.script(text).await?;
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

#[cfg(test)]
mod tests {
    use crate::domain::beat::{Beat, BeatKind, Identity};
    use crate::domain::check::Streak;
    use crate::domain::follow_up::FollowUp;
    use crate::domain::moment::Moment;
    use crate::domain::sent::{Made, Sent};
    use crate::store::database::Store;
    use crate::store::{beats, checks, follow_ups, groups, made, pages};

    #[tokio::test]
    async fn what_was_logged_before_a_step_is_found_by_its_check_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        transaction.script("DROP TABLE shelf_0; DROP TABLE shelf_1; DROP TABLE shelf_2; DROP TABLE shelf_3").await.unwrap();
        for text in ["DROP TABLE beat", include_str!("schema/monitor.sql"), include_str!("schema/pings.sql")] {
            for statement in text.split(';').filter(|statement| ["TABLE beat", "ON beat "].iter().any(|words| statement.contains(words))) {
                transaction.script(statement).await.unwrap();
            }
        }
        for (number, check) in ["a", "backup", "job-17", "\u{e9}t\u{e9} \u{65e5}\u{672c}"].into_iter().enumerate() {
            let insert = "INSERT INTO beat (key_id, instance, run, sequence, check_name, kind, received_at, sent_at)";
            let values = format!("VALUES ('k', 'i', x'00', {number}, '{check}', 'success', 1, 1)");
            transaction.script(&format!("{insert} {values}")).await.unwrap();
        }
        transaction.script(include_str!("schema/message_file.sql")).await.unwrap();
        transaction.script(include_str!("schema/shelves.sql")).await.unwrap();
        transaction.script(include_str!("schema/shelf_file.sql")).await.unwrap();
        for check in ["a", "backup", "job-17", "\u{e9}t\u{e9} \u{65e5}\u{672c}"] {
            let found = pages::beats(&mut transaction, Some(check), i64::MAX, 10).await.unwrap();
            assert_eq!(found.len(), 1, "{check}");
        }
        transaction.script(include_str!("schema/shelved_file.sql")).await.unwrap();
        let identity = Identity { instance: "i".to_owned(), run: uuid::Uuid::nil(), sequence: 9 };
        let next = Beat::new("job-17".to_owned(), BeatKind::Success, identity, Moment::from_millis(2));
        assert!(beats::insert(&mut transaction, "k", &next, next.sent_at, &Sent::default(), None).await.unwrap());
        assert_eq!(pages::beats(&mut transaction, Some("job-17"), i64::MAX, 10).await.unwrap().len(), 2, "each stands there once");
    }

    #[tokio::test]
    async fn a_group_that_is_not_over_before_a_step_is_looked_at_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        let at = Moment::from_millis;
        for group in ["group-1-a", "group-2-b"] {
            groups::insert(&mut transaction, group, at(1)).await.unwrap();
            follow_ups::save(&mut transaction, group, &FollowUp::default().opened(at(1), false), None).await.unwrap();
        }
        groups::end(&mut transaction, "group-2-b", at(2)).await.unwrap();
        let before = "DROP INDEX alarm_group_open; DROP INDEX alarm_group_opened; PRAGMA user_version = 16";
        transaction.script(before).await.unwrap();
        transaction.commit().await.unwrap();
        drop(store);
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        assert_eq!(follow_ups::due(&mut store.read().await.unwrap(), at(0)).await.unwrap(), ["group-1-a"]);
    }

    #[tokio::test]
    async fn what_was_put_off_before_a_step_is_in_the_rows_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        let made = Made { uuid: uuid::Uuid::nil(), period_ms: 60_000, grace_ms: 0 };
        let mut check = made::new("job", &made, Moment::from_millis(0));
        checks::save(&mut transaction, check.clone()).await.unwrap();
        check.seen.reason = Some("heard".to_owned());
        let line = serde_json::to_string(&("job", &check.state, check.every_ms, &check.seen)).unwrap();
        let before = "DROP TABLE put_off; CREATE TABLE put_off (id INTEGER PRIMARY KEY, rows BLOB NOT NULL)";
        let left = format!("INSERT INTO put_off (rows) VALUES (CAST('{line}' AS BLOB))");
        transaction.script(&format!("{before}; {left}; PRAGMA user_version = 14")).await.unwrap();
        transaction.commit().await.unwrap();
        drop(store);
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        assert_eq!(checks::find(&mut store.read().await.unwrap(), "job").await.unwrap(), Some(check));
    }

    #[tokio::test]
    async fn what_checks_had_heard_apart_from_their_rows_is_in_them_after_a_step() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        let at = Moment::from_millis;
        let made = Made { uuid: uuid::Uuid::nil(), period_ms: 60_000, grace_ms: 0 };
        let mut check = made::new("job", &made, at(0));
        (check.state.last_heard, check.state.due) = (Some(at(3)), at(4));
        checks::save(&mut transaction, check.clone()).await.unwrap();
        let apart = "DROP TABLE put_off; UPDATE heard SET last_heard = 5, due = 6, good = 7, passed = 8, latency_ms = 9";
        transaction.script(&format!("{}; {apart}; PRAGMA user_version = 14", include_str!("schema/heard.sql"))).await.unwrap();
        transaction.commit().await.unwrap();
        drop(store);
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        (check.state.last_heard, check.state.due, check.seen.latency_ms) = (Some(at(5)), at(6), Some(9));
        check.state.streak = Streak { good: 7, passed: 8, ..check.state.streak };
        assert_eq!(checks::find(&mut store.read().await.unwrap(), "job").await.unwrap(), Some(check));
    }
}
