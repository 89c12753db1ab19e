//! What was heard, decided and told, page by page, newest first.

use serde::Serialize;

use super::beats::{newest_of, shelf};
use super::checks::StoredCheck;
use super::connection::Connection;
use super::error::StoreError;
use super::incidents::StoredIncident;
use super::row::Row;
use super::statement::sql;
use super::{checks, incidents, json};
use crate::domain::beat::{BeatKind, Health};
use crate::domain::check::Flip;
use crate::domain::moment::Moment;

/// One beat of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedBeat {
    /// Counts up.
    pub id: i64,
    /// The check's name.
    pub check: String,
    /// What it said.
    pub kind: BeatKind,
    /// When it arrived.
    pub at: Moment,
    /// When it was sent, by the sender's clock.
    pub sent_at: Moment,
    /// The sender; of a ping, its address.
    pub instance: String,
    /// The key that signed it; `ping` where it came by a ping URL, `own` where it is what this watcher saw itself.
    pub key: String,
    /// From which address.
    pub address: Option<String>,
    /// By which method.
    pub method: Option<String>,
    /// What the client calls itself.
    pub agent: Option<String>,
    /// The run of the work.
    pub run: Option<String>,
    /// How the work ended.
    pub exit_status: Option<u32>,
    /// What the run took.
    pub duration_ms: Option<u64>,
    /// Why it did not count.
    pub ignored: Option<String>,
    /// What the work found.
    pub health: Option<Health>,
    /// How long its body is. 0: none.
    pub body_bytes: u64,
}

/// One change of status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedFlip {
    /// Counts up.
    pub id: i64,
    /// The check's name.
    pub check: String,
    /// The change.
    #[serde(flatten)]
    pub flip: Flip,
    /// In words.
    pub words: String,
    /// The incident that it opened, continued or resolved.
    pub incident: Option<String>,
}

const COLUMNS: &str = "id, check_name, kind, received_at, sent_at, instance, key_id, address, method, agent, work, exit_status, took_ms,
    ignored, health, CAST(coalesce(length(body), 0) AS BIGINT) AS body_bytes";

fn beat(row: &Row) -> Result<LoggedBeat, StoreError> {
    Ok(LoggedBeat {
        id: row.get("id")?,
        check: row.get("check_name")?,
        kind: row.word("kind")?,
        at: row.get("received_at")?,
        sent_at: row.get("sent_at")?,
        instance: row.get("instance")?,
        key: row.get("key_id")?,
        address: row.get("address")?,
        method: row.get("method")?,
        agent: row.get("agent")?,
        run: row.get("work")?,
        exit_status: row.get("exit_status")?,
        duration_ms: row.get("took_ms")?,
        ignored: row.get("ignored")?,
        health: row.get::<Option<String>>("health")?.as_deref().map(json::read).transpose()?,
        body_bytes: row.get("body_bytes")?,
    })
}

/// Beats before the row `before`, of one check or of all.
///
/// # Errors
/// Where the store does not answer.
pub async fn beats(connection: &mut Connection, check: Option<&str>, before: i64, limit: u32) -> Result<Vec<LoggedBeat>, StoreError> {
    let query = match check {
        Some(check) => sql(format!("SELECT {COLUMNS} FROM beat WHERE id IN ({}) ORDER BY id DESC", newest_of(check))).bind(check),
        None => sql(format!("SELECT {COLUMNS} FROM beat WHERE id < ? ORDER BY id DESC LIMIT ?")),
    };
    query.bind(before).bind(limit).all(connection).await?.iter().map(beat).collect()
}

/// The body of a beat. None: there is no such beat; none inside: it has no body.
///
/// # Errors
/// Where the store does not answer.
pub async fn body(connection: &mut Connection, id: i64) -> Result<Option<Option<Vec<u8>>>, StoreError> {
    let row = sql("SELECT body FROM beat WHERE id = ?").bind(id).first(connection).await?;
    row.map(|row| row.get("body")).transpose()
}

/// Flips before the row `before`, of one check or of all.
///
/// # Errors
/// Where the store does not answer.
pub async fn flips(connection: &mut Connection, check: Option<&str>, before: i64, limit: u32) -> Result<Vec<LoggedFlip>, StoreError> {
    let of = if check.is_some() { "AND check_name = ?" } else { "" };
    let query = sql(format!("SELECT id, check_name, flip, incident FROM flip WHERE id < ? {of} ORDER BY id DESC LIMIT ?")).bind(before);
    let query = check.into_iter().fold(query, |query, check| query.bind(check));
    query.bind(limit).all(connection).await?.iter().map(flip).collect()
}

/// The flips of a check that belong to this incident, oldest first.
///
/// # Errors
/// Where the store does not answer.
pub async fn flips_of(connection: &mut Connection, check: &str, incident: &str, limit: u32) -> Result<Vec<LoggedFlip>, StoreError> {
    let query = sql("SELECT id, check_name, flip, incident FROM flip WHERE check_name = ? AND incident = ? ORDER BY id LIMIT ?");
    query.bind(check).bind(incident).bind(limit).all(connection).await?.iter().map(flip).collect()
}

fn flip(row: &Row) -> Result<LoggedFlip, StoreError> {
    let flip: Flip = row.json("flip")?;
    let words = flip.reason.to_string();
    Ok(LoggedFlip { id: row.get("id")?, check: row.get("check_name")?, flip, words, incident: row.get("incident")? })
}

/// Of when the oldest thing is that is known of a check: its first flip, beat or incident. None: nothing is known.
///
/// # Errors
/// Where the store does not answer.
pub async fn known_since(connection: &mut Connection, check: &str) -> Result<Option<Moment>, StoreError> {
    let flip = sql("SELECT at FROM flip WHERE check_name = ? ORDER BY id LIMIT 1").bind(check).first(connection).await?;
    let oldest = format!("SELECT id FROM {} WHERE check_name = ? ORDER BY id LIMIT 1", shelf(check));
    let beat = sql(format!("SELECT received_at AS at FROM beat WHERE id IN ({oldest})")).bind(check).first(connection).await?;
    let incident =
        sql("SELECT since AS at FROM incident WHERE check_name = ? ORDER BY opened_at LIMIT 1").bind(check).first(connection).await?;
    let moments: Vec<Moment> = [flip, beat, incident].iter().flatten().map(|row| row.get("at")).collect::<Result<_, _>>()?;
    Ok(moments.into_iter().min())
}

/// Incidents that were opened before this one, of one check or of all. An incident is placed by when it was opened, and its key.
///
/// # Errors
/// Where the store does not answer.
pub async fn incidents(
    connection: &mut Connection,
    check: Option<&str>,
    before: (Moment, &str),
    limit: u32,
) -> Result<Vec<StoredIncident>, StoreError> {
    let of = if check.is_some() { "AND check_name = ?" } else { "" };
    let text = format!(
        "SELECT * FROM incident WHERE (opened_at < ? OR (opened_at = ? AND key < ?)) {of} ORDER BY opened_at DESC, key DESC LIMIT ?"
    );
    let query = sql(text).bind(before.0).bind(before.0).bind(before.1);
    let query = check.into_iter().fold(query, |query, check| query.bind(check));
    query.bind(limit).all(connection).await?.iter().map(incidents::read).collect()
}

/// Checks after this name, by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn checks(connection: &mut Connection, after: &str, limit: u32) -> Result<Vec<StoredCheck>, StoreError> {
    let rows = sql("SELECT * FROM \"check\" WHERE name > ? ORDER BY name LIMIT ?").bind(after).bind(limit).all(connection).await?;
    rows.iter().map(checks::read).collect()
}
