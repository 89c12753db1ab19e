//! A store of an earlier version is brought up to the present one, however much stands in it.

use sqlx::{Connection, PgConnection, Postgres};

use super::ground::grounds;

/// Has it noted what the server allows a statement that makes something, and takes the last step of the schema back: that one can be taken twice.
const EARLIER: &str = "
    CREATE TABLE noted (tag TEXT NOT NULL, allowed TEXT NOT NULL);
    CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO noted VALUES (tg_tag, current_setting('statement_timeout')); END $$;
    CREATE EVENT TRIGGER note ON ddl_command_start EXECUTE FUNCTION note();
    UPDATE allswell_schema SET version = version - 1";

#[tokio::test]
async fn a_step_of_the_schema_may_take_longer_than_a_server_allows_any_other_statement() {
    let [_, ground] = grounds().await;
    let mut outside = PgConnection::connect(ground.url()).await.unwrap();
    sqlx::raw_sql(EARLIER).execute(&mut outside).await.unwrap();
    ground.again().await.unwrap();
    let query = sqlx::query_as::<Postgres, (String, String)>("SELECT DISTINCT tag, allowed FROM noted ORDER BY tag");
    let noted = query.fetch_all(&mut outside).await.unwrap();
    let noted: Vec<(&str, &str)> = noted.iter().map(|(tag, allowed)| (tag.as_str(), allowed.as_str())).collect();
    assert_eq!(noted, [("CREATE INDEX", "0"), ("CREATE TABLE", "10s")], "the step, and the question whether there is one to take");
}
