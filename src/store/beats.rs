//! Rows of `beat`: what was heard.

use std::time::Duration;

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::statement::sql;
use super::value::Value;
use crate::domain::beat::Beat;
use crate::domain::moment::Moment;
use crate::domain::sent::{Ignored, Sent};

static BEAT: Table = Table::new(
    "beat",
    "INSERT INTO beat (key_id, instance, run, sequence, check_name, kind, received_at, sent_at, health, body,
           address, method, agent, work, exit_status, took_ms, ignored, shelf)",
    "ON CONFLICT (sent_at, run, sequence, key_id, instance) DO NOTHING",
    Again::Never,
);

/// Puts the beat that a file has just taken on its shelf, each of which has its own name: see `schema/shelf_file.sql` and
/// `schema/shelf_server.sql`. A trigger would have SQLite copy every page that the beat changes, for who writes to two tables in one statement
/// may have to take back the first.
const SHELVES: [&str; 4] = [
    "INSERT INTO shelf_0 (id, check_name) VALUES (last_insert_rowid(), ?)",
    "INSERT INTO shelf_1 (id, check_name) VALUES (last_insert_rowid(), ?)",
    "INSERT INTO shelf_2 (id, check_name) VALUES (last_insert_rowid(), ?)",
    "INSERT INTO shelf_3 (id, check_name) VALUES (last_insert_rowid(), ?)",
];

/// On which shelf the log of a check stands. A commit of many beats writes the ends of as many shelves, and not one of each check; whoever
/// reads the log of one check walks past its neighbours.
fn place(check: &str) -> usize {
    let letters = check.chars().count();
    let code = |at: usize| check.chars().nth(at).map_or(0, |letter| letter as usize);
    let last = letters.saturating_sub(1);
    (code(0) + 3 * code(last / 2) + 5 * code(last) + 7 * letters) % SHELVES.len()
}

/// The shelf with the beats of a check and of its neighbours: `id` and `check_name`.
pub(super) fn shelf(check: &str) -> String {
    format!("shelf_{}", place(check))
}

/// The newest beats of a check, by row; placeholders: the check, the row that they are before, and how many they are at most.
pub(super) fn newest_of(check: &str) -> String {
    format!("SELECT id FROM {} WHERE check_name = ? AND id < ? ORDER BY id DESC LIMIT ?", shelf(check))
}

/// Stores a beat, with how it came and what its run took. False where the same one is there already.
///
/// # Errors
/// Where the store refuses the row, or does not answer.
pub async fn insert(
    connection: &mut Connection,
    key_id: &str,
    beat: &Beat,
    received_at: Moment,
    sent: &Sent,
    took: Option<Duration>,
) -> Result<bool, StoreError> {
    let identity = &beat.identity;
    let health = beat.health.as_ref().map(json::write).transpose()?;
    let place = place(&beat.check);
    let row = vec![
        Value::from(key_id),
        Value::from(&identity.instance),
        Value::from(&identity.run),
        Value::from(identity.sequence),
        Value::from(&beat.check),
        Value::from(beat.kind.as_str()),
        Value::from(received_at),
        Value::from(beat.sent_at),
        Value::from(health),
        Value::from(beat.body.as_deref().map(str::as_bytes)),
        Value::from(sent.address.as_deref()),
        Value::from(sent.method.as_deref()),
        Value::from(sent.agent.as_deref()),
        Value::from(sent.work.map(|work| work.to_string())),
        Value::from(sent.exit_status.map(i64::from)),
        Value::from(took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX))),
        Value::from(sent.ignored.map(Ignored::as_str)),
        Value::from(place as u64),
    ];
    let key = if connection.holds_back(&BEAT) {
        format!("{} {} {} {key_id} {}", beat.sent_at.as_millis(), identity.run.as_u128(), identity.sequence, identity.instance)
    } else {
        String::new()
    };
    let is_new = connection.write(&BEAT, &key, row).await?;
    if is_new {
        connection.beside(SHELVES[place], &[Value::from(&beat.check)])?;
    }
    Ok(is_new)
}

/// How many there are.
///
/// # Errors
/// Where the store does not answer.
pub async fn count(connection: &mut Connection) -> Result<i64, StoreError> {
    sql("SELECT count(*) AS count FROM beat").count(connection).await
}
