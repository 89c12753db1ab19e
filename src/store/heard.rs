//! Rows of `heard`: what each beat changes of a check. One counts only where it has heard something later than the check's own row says.

use super::checks::{Seen, StoredCheck};
use super::connection::Connection;
use super::error::StoreError;
use super::pending::{Again, Table};
use super::row::Row;
use super::statement::sql;
use super::value::Value;
use crate::domain::check::{State, Streak};

static HEARD: Table = Table::new(
    "heard",
    "INSERT INTO heard (name, last_heard, due, good, passed, latency_ms)",
    "ON CONFLICT (name) DO UPDATE SET last_heard = excluded.last_heard, due = excluded.due, good = excluded.good, passed = excluded.passed,
           latency_ms = excluded.latency_ms",
    Again::SeldomReplaces,
);

/// The same for a check whose row is there.
static AGAIN: Table = Table::of_what_is_there(
    HEARD.name,
    HEARD.insert,
    HEARD.tail,
    "UPDATE heard SET last_heard = ?2, due = ?3, good = ?4, passed = ?5, latency_ms = ?6 WHERE name = ?1",
);

/// Whether what is new of a check all stands here: it has heard something later than before, and nothing else has come of it.
pub(super) fn has_all(before: &StoredCheck, check: &StoredCheck) -> bool {
    // What is added to any of these is to be thought of here.
    let StoredCheck { name: _, state, look_at, every_ms, seen, wanted, made } = check;
    let State { status, since, due: _, forgiven_until, last_heard, runs, took_ms, waits, too_often, streak, last_words, farewell } = state;
    let Streak { good: _, passed: _, bad, weak, weak_since } = streak;
    let Seen { instance, colour, version, latency_ms: _, reason } = seen;
    let (known, counted, shown) = (&before.state, &before.state.streak, &before.seen);
    *last_heard > known.last_heard
        && (look_at, every_ms, wanted, made) == (&before.look_at, &before.every_ms, &before.wanted, &before.made)
        && (status, since, forgiven_until, runs) == (&known.status, &known.since, &known.forgiven_until, &known.runs)
        && (took_ms, waits, too_often) == (&known.took_ms, &known.waits, &known.too_often)
        && (last_words, farewell) == (&known.last_words, &known.farewell)
        && (bad, weak, weak_since) == (&counted.bad, &counted.weak, &counted.weak_since)
        && (instance, colour, version, reason) == (&shown.instance, &shown.colour, &shown.version, &shown.reason)
}

/// Writes what a check has heard; `is_there`: its row is known to be there.
///
/// # Errors
/// Where the store refuses.
pub(super) async fn save(connection: &mut Connection, check: &StoredCheck, is_there: bool) -> Result<(), StoreError> {
    let State { last_heard, due, streak, .. } = &check.state;
    let row = vec![
        Value::from(&check.name),
        Value::from(*last_heard),
        Value::from(*due),
        Value::from(streak.good),
        Value::from(streak.passed),
        Value::from(check.seen.latency_ms),
    ];
    connection.write(if is_there { &AGAIN } else { &HEARD }, &check.name, row).await?;
    Ok(())
}

/// Brings a check up to what it has heard since its own row was written.
pub(super) fn read(row: &Row, check: &mut StoredCheck) -> Result<(), StoreError> {
    let last_heard = row.get("heard_at")?;
    if last_heard > check.state.last_heard {
        check.state.last_heard = last_heard;
        check.state.due = row.get("heard_due")?;
        check.state.streak.good = row.get("heard_good")?;
        check.state.streak.passed = row.get("heard_passed")?;
        check.seen.latency_ms = row.get("heard_latency_ms")?;
    }
    Ok(())
}

/// Forgets what a check has heard.
///
/// # Errors
/// Where the store refuses.
pub(super) async fn remove(connection: &mut Connection, name: &str) -> Result<(), StoreError> {
    sql("DELETE FROM heard WHERE name = ?").bind(name).run(connection).await?;
    Ok(())
}
