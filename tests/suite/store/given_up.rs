//! Somebody who waits for a turn to write is gone before it comes: a client of the API, say, whose connection has ended.

use std::time::Duration;

use sqlx::{Connection, PgConnection, Postgres};
use tokio::time::timeout;

use super::ground::grounds;

/// The server lets somebody stand still within a transaction for longer.
const SOON: Duration = Duration::from_secs(3);

/// How many wait for their turn.
const WAITING: &str = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";

#[tokio::test]
async fn whoever_is_gone_before_the_turn_to_write_comes_keeps_nobody_else_from_it() {
    let [_, ground] = grounds().await;
    let (gone, next) = (ground.again().await.unwrap(), ground.again().await.unwrap());
    let mut outside = PgConnection::connect(ground.url()).await.unwrap();
    let writes = ground.write().await;
    let mut waits = Box::pin(gone.begin());
    let is_waiting = async { while sqlx::query_scalar::<Postgres, i64>(WAITING).fetch_one(&mut outside).await.unwrap() == 0 {} };
    tokio::select! {
        _ = &mut waits => panic!("two write at once"),
        waiting = timeout(SOON, is_waiting) => waiting.expect("it waits"),
    }
    drop(waits);
    drop(writes);
    let turn = timeout(SOON, next.begin()).await.expect("who is gone has not got the turn").unwrap();
    turn.commit().await.unwrap();
}
