//! Rows of `check`: what is known of everything that is expected.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::connection::Connection;
use super::error::StoreError;
use super::json;
use super::pending::{Again, Table};
use super::put_off;
use super::row::Row;
use super::statement::sql;
use super::value::Value;
use crate::domain::beat::Beat;
use crate::domain::check::State;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::domain::roster::Wanted;
use crate::domain::sent::Made;

/// One check as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheck {
    /// Its name.
    pub name: String,
    /// What was decided last.
    pub state: State,
    /// When to look again. None: only a beat can change it.
    pub look_at: Option<Moment>,
    /// How often the sender said that it beats, in milliseconds.
    pub every_ms: Option<u64>,
    /// What the last beat said besides.
    pub seen: Seen,
    /// How many instances it expects. None: it does not count them.
    pub wanted: Option<Wanted>,
    /// What is expected of it, where no config says so: it was made by its first beat, or through the API.
    pub made: Option<Made>,
}

/// What the last beat of a check said, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The colour that the sender belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// The version beside the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How long the last answer took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Why the last answer was not good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Seen {
    /// What this beat says.
    #[must_use]
    pub fn of(beat: &Beat) -> Self {
        let health = beat.health.as_ref();
        Self {
            instance: Some(beat.identity.instance.clone()),
            colour: beat.colour,
            version: beat.version.clone(),
            latency_ms: health.and_then(|health| health.latency_ms),
            reason: health.and_then(|health| health.reason.clone()),
        }
    }
}

static CHECK: Table = Table::new(
    "check",
    "INSERT INTO \"check\" (name, status, state, every_ms, seen, look_at, wanted, made, uuid)",
    "ON CONFLICT (name) DO UPDATE SET status = excluded.status, state = excluded.state, every_ms = excluded.every_ms, seen = excluded.seen,
           look_at = excluded.look_at, wanted = excluded.wanted, made = excluded.made, uuid = excluded.uuid",
    Again::SeldomReplaces,
);

/// As it is known.
type Known = Option<Box<StoredCheck>>;

/// What is new of a check that is written: each has what the one before has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// It has heard something.
    Words,
    /// It is to be looked at at another moment.
    Moment,
    /// It has another status.
    Status,
    /// It, or what is seldom another.
    All,
}

impl News {
    /// By what is known of it, and together with what is to be written of it anyway.
    fn of(connection: &Connection, check: &StoredCheck) -> Self {
        let Some(before) = connection.known::<Known>(CHECK.name, &check.name).and_then(Option::as_ref) else {
            return Self::All;
        };
        let is_same = (&before.wanted, &before.made) == (&check.wanted, &check.made);
        if !is_same || connection.is_pending(&CHECK, &check.name) {
            Self::All
        } else if before.state.status != check.state.status || connection.is_pending(&FLIPPED, &check.name) {
            Self::Status
        } else if before.look_at != check.look_at || connection.is_pending(&MOVED, &check.name) {
            Self::Moment
        } else {
            Self::Words
        }
    }

    fn table(self) -> &'static Table {
        match self {
            Self::Words => &HEARD,
            Self::Moment => &MOVED,
            Self::Status => &FLIPPED,
            Self::All => &CHECK,
        }
    }
}

/// A check that is there and has another status: what stays as it was is not written, nor are the indices over it.
static FLIPPED: Table = Table::of_what_is_there(
    CHECK.name,
    "INSERT INTO \"check\" (name, status, state, every_ms, seen, look_at)",
    "ON CONFLICT (name) DO UPDATE SET status = excluded.status, state = excluded.state, every_ms = excluded.every_ms, seen = excluded.seen,
           look_at = excluded.look_at",
    "UPDATE \"check\" SET status = ?2, state = ?3, every_ms = ?4, seen = ?5, look_at = ?6 WHERE name = ?1",
);

/// A check that is there and keeps its status, and is to be looked at at another moment.
static MOVED: Table = Table::of_what_is_there(
    CHECK.name,
    "INSERT INTO \"check\" (name, status, state, every_ms, seen, look_at)",
    "ON CONFLICT (name) DO UPDATE SET state = excluded.state, every_ms = excluded.every_ms, seen = excluded.seen, look_at = excluded.look_at",
    "UPDATE \"check\" SET state = ?3, every_ms = ?4, seen = ?5, look_at = ?6 WHERE name = ?1",
);

/// A check that is there and has only heard something: neither its status nor its moment is another one.
static HEARD: Table = Table::of_what_is_there(
    CHECK.name,
    "INSERT INTO \"check\" (name, status, state, every_ms, seen)",
    "ON CONFLICT (name) DO UPDATE SET state = excluded.state, every_ms = excluded.every_ms, seen = excluded.seen",
    put_off::HEARD,
);

pub(super) fn read(row: &Row) -> Result<StoredCheck, StoreError> {
    Ok(StoredCheck {
        name: row.get("name")?,
        state: row.json("state")?,
        look_at: row.get("look_at")?,
        every_ms: row.get("every_ms")?,
        seen: row.json("seen")?,
        wanted: row.get::<Option<String>>("wanted")?.as_deref().map(json::read).transpose()?,
        made: row.get::<Option<String>>("made")?.as_deref().map(json::read).transpose()?,
    })
}

/// Every check, by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn all(connection: &mut Connection) -> Result<Vec<StoredCheck>, StoreError> {
    let rows = sql("SELECT * FROM \"check\" ORDER BY name").all(connection).await?;
    rows.iter().map(read).collect()
}

/// The check with this name.
///
/// # Errors
/// Where the store does not answer.
pub async fn find(connection: &mut Connection, name: &str) -> Result<Option<StoredCheck>, StoreError> {
    if let Some(known) = connection.known::<Known>(CHECK.name, name) {
        return Ok(known.as_deref().cloned());
    }
    let row = sql("SELECT * FROM \"check\" WHERE name = ?").bind(name).first(connection).await?;
    row.as_ref().map(read).transpose()
}

/// Reads many checks at once, where a transaction works on many: each is then found without reading again.
///
/// # Errors
/// Where the store does not answer.
pub async fn read_ahead(connection: &mut Connection, names: &[&str]) -> Result<(), StoreError> {
    let is_new = |name: &&str| connection.known::<Known>(CHECK.name, name).is_none();
    // Once each, in the order in which they stand in the store.
    let names: Vec<&str> = names.iter().copied().filter(is_new).collect::<BTreeSet<_>>().into_iter().collect();
    for name in &names {
        connection.remember(CHECK.name, name, Known::None);
    }
    for stored in named(connection, &names).await? {
        let name = stored.name.clone();
        connection.remember(CHECK.name, &name, Some(Box::new(stored)));
    }
    Ok(())
}

/// The checks with these names, as far as they are there.
///
/// # Errors
/// Where the store does not answer.
pub async fn named(connection: &mut Connection, names: &[&str]) -> Result<Vec<StoredCheck>, StoreError> {
    connection.fetch_among("SELECT * FROM \"check\" WHERE name", names).await?.iter().map(read).collect()
}

/// The names of the checks that a config named.
///
/// # Errors
/// Where the store does not answer.
pub async fn configured(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let rows = sql("SELECT name FROM \"check\" WHERE made IS NULL ORDER BY name").all(connection).await?;
    rows.iter().map(|row| row.get("name")).collect()
}

/// The first checks that are to be looked at up to `until`, and after the one that was found last. A transaction that works on many keeps them in
/// mind: each is then found without reading again.
///
/// # Errors
/// Where the store does not answer.
pub async fn due(
    connection: &mut Connection,
    until: Moment,
    after: Option<&StoredCheck>,
    limit: u32,
) -> Result<Vec<StoredCheck>, StoreError> {
    let at = after.and_then(|after| after.look_at).unwrap_or(Moment::from_millis(i64::MIN));
    let name = after.map_or("", |after| &after.name);
    let rows = sql("SELECT * FROM \"check\" WHERE look_at <= ? AND (look_at, name) > (?, ?) ORDER BY look_at, name LIMIT ?");
    let rows = rows.bind(until).bind(at).bind(name).bind(limit).all(connection).await?;
    let due: Vec<StoredCheck> = rows.iter().map(read).collect::<Result<_, _>>()?;
    due.iter().for_each(|stored| connection.remember(CHECK.name, &stored.name, Some(Box::new(stored.clone()))));
    Ok(due)
}

/// Whether any check is to be looked at up to `until`.
///
/// # Errors
/// Where the store does not answer.
pub async fn is_any_due(connection: &mut Connection, until: Moment) -> Result<bool, StoreError> {
    let query = sql("SELECT 1 FROM \"check\" WHERE look_at <= ? LIMIT 1");
    Ok(query.bind(until).first(connection).await?.is_some())
}

/// Writes a check, new or not.
///
/// # Errors
/// Where the store refuses.
pub async fn save(connection: &mut Connection, check: StoredCheck) -> Result<(), StoreError> {
    let news = News::of(connection, &check);
    let is_put_off = news == News::Words && connection.put_off(&check.name, &(&check.name, &check.state, check.every_ms, &check.seen))?;
    if !is_put_off {
        write(connection, &check, news).await?;
    }
    let name = check.name.clone();
    connection.remember(CHECK.name, &name, Some(Box::new(check)));
    Ok(())
}

async fn write(connection: &mut Connection, check: &StoredCheck, news: News) -> Result<(), StoreError> {
    let mut row = vec![
        Value::from(&check.name),
        Value::from(check.state.status.as_str()),
        Value::from(json::write(&check.state)?),
        Value::from(check.every_ms),
        Value::from(json::write(&check.seen)?),
    ];
    if news >= News::Moment {
        row.push(Value::from(check.look_at));
    }
    if news >= News::All {
        row.push(Value::from(check.wanted.as_ref().map(json::write).transpose()?));
        row.push(Value::from(check.made.as_ref().map(json::write).transpose()?));
        row.push(Value::from(check.made.as_ref().map(|made| made.uuid.to_string())));
    }
    connection.write(news.table(), &check.name, row).await?;
    Ok(())
}

/// How many checks have each status.
///
/// # Errors
/// Where the store does not answer.
pub async fn counts(connection: &mut Connection) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sql("SELECT status, count(*) AS count FROM \"check\" GROUP BY status").all(connection).await?;
    rows.iter().map(|row| Ok((row.get("status")?, row.get("count")?))).collect()
}

/// Forgets a check that is expected no more.
///
/// # Errors
/// Where the store refuses.
pub async fn remove(connection: &mut Connection, name: &str) -> Result<(), StoreError> {
    sql("DELETE FROM \"check\" WHERE name = ?").bind(name).run(connection).await?;
    Ok(())
}

/// Has a check looked at from `at` on, if only a beat could change it otherwise or if it would be looked at later.
///
/// # Errors
/// Where the store refuses.
pub async fn look_soon(connection: &mut Connection, name: &str, at: Moment) -> Result<(), StoreError> {
    sql("UPDATE \"check\" SET look_at = least(coalesce(look_at, ?1), ?1) WHERE name = ?2 AND status <> 'down'")
        .bind(at)
        .bind(name)
        .run(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, made};

    #[tokio::test]
    async fn a_check_that_is_there_no_more_is_not_taken_for_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:x.db", folder.path()).await.unwrap();
        let mut write = store.begin().await.unwrap();
        write.batch();
        let gone = made::new("job", &Made { uuid: uuid::Uuid::nil(), period_ms: 60_000, grace_ms: 0 }, Moment::from_millis(0));
        write.remember(CHECK.name, "job", Some(Box::new(gone.clone())));
        save(&mut write, gone).await.unwrap();
        let refused = write.commit().await;
        assert!(matches!(refused, Err(StoreError::Repeated)), "{refused:?}");
    }
}
