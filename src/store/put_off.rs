//! What checks have only heard is put off: a commit of many writes it down in one row, and the rows of the checks follow together, before
//! anybody speaks of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::StoreError;
use super::value::Value;

/// Writes a check that is there and has only heard something. In the second place stands its status, which is the same.
pub(super) const HEARD: &str = "UPDATE \"check\" SET state = ?3, every_ms = ?4, seen = ?5 WHERE name = ?1";

/// With fewer in a commit, and none before them, each is written to its row at once.
const FEW: usize = 4;
/// So many at most, of several commits.
const MOST: usize = 4_096;

/// Whether this statement reads or writes rows of checks as a whole. To both databases the table's name is a word that has to be quoted.
pub(super) fn is_of_rows(statement: &str) -> bool {
    let has = |words: &str| memchr::memmem::find(statement.as_bytes(), words.as_bytes()).is_some();
    if statement.starts_with("SELECT") { has("* FROM \"check\"") } else { has("\"check\"") }
}

/// How many may be put off in a file. Who does not know says too many.
#[derive(Debug, Clone)]
pub(super) struct Behind(Arc<AtomicUsize>);

impl Behind {
    /// Of a file that was just opened.
    pub(super) fn unknown() -> Self {
        Self(Arc::new(AtomicUsize::new(MOST)))
    }

    /// Whether there may be any.
    pub(super) fn is_any(&self) -> bool {
        self.count() > 0
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// What a transaction puts off, until it brings everything that was.
#[derive(Debug)]
pub(super) struct PutOff {
    behind: Behind,
    lines: Vec<u8>,
    count: usize,
    is_brought: bool,
}

impl PutOff {
    /// Nothing yet.
    pub(super) fn new(behind: &Behind) -> Self {
        Self { behind: behind.clone(), lines: Vec::new(), count: 0, is_brought: false }
    }

    /// Takes what [`Line`] reads. False where it is to be written to its row.
    pub(super) fn take(&mut self, line: &impl Serialize) -> Result<bool, StoreError> {
        if self.is_brought {
            return Ok(false);
        }
        serde_json::to_writer(&mut self.lines, line).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        self.count += 1;
        Ok(true)
    }

    /// Whether everything is in the rows of the checks, as far as this transaction goes.
    pub(super) fn is_brought(&self) -> bool {
        self.is_brought
    }

    /// Whether something may have been put off before this transaction.
    pub(super) fn is_any_behind(&self) -> bool {
        self.behind.is_any()
    }

    /// What this transaction would put off.
    pub(super) fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// It has written everything to the rows of the checks, and puts nothing off from now on.
    pub(super) fn brought(&mut self) {
        self.is_brought = true;
        (self.lines, self.count) = (Vec::new(), 0);
    }

    /// Whether the end of the transaction is the time to bring everything: it is not worth while, or has become too much.
    pub(super) fn is_due(&self) -> bool {
        let behind = self.behind.count();
        self.count > 0 && ((behind == 0 && self.count < FEW) || behind + self.count > MOST)
    }

    /// What is left to whoever comes next. From now on it may be there, whatever is heard of the commit.
    pub(super) fn leave(&mut self) -> Option<Vec<u8>> {
        if self.lines.is_empty() {
            return None;
        }
        self.behind.0.fetch_add(self.count, Ordering::AcqRel);
        Some(std::mem::take(&mut self.lines))
    }

    /// The transaction is committed.
    pub(super) fn committed(&self) {
        if self.is_brought {
            self.behind.0.store(0, Ordering::Release);
        }
    }
}

/// What was put off of a check: its name, its state, how often it beats, and what it said besides.
#[derive(Debug, Deserialize)]
struct Line<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] &'a RawValue, Option<i64>, #[serde(borrow)] &'a RawValue);

/// The rows for [`HEARD`], of each check the last one.
pub(super) fn rows<'a>(put_off: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Vec<Value<'a>>>, StoreError> {
    let mut places: HashMap<Cow<'a, str>, usize> = HashMap::new();
    let mut rows: Vec<Vec<Value<'a>>> = Vec::new();
    for lines in put_off {
        for line in serde_json::Deserializer::from_slice(lines).into_iter::<Line<'a>>() {
            let Line(name, state, every_ms, seen) = line.map_err(|error| StoreError::Unreadable(error.to_string()))?;
            let text = |raw: &'a RawValue| Value::Text(Some(raw.get().into()));
            let place = places.entry(name);
            let row = vec![Value::Text(Some(place.key().clone())), Value::Text(None), text(state), Value::Number(every_ms), text(seen)];
            match place {
                Entry::Occupied(place) => rows[*place.get()] = row,
                Entry::Vacant(place) => {
                    place.insert(rows.len());
                    rows.push(row);
                }
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::domain::check::Status;
    use crate::domain::moment::Moment;
    use crate::domain::sent::Made;
    use crate::store::checks::{self, StoredCheck};
    use crate::store::{Store, Transaction, made};

    const NAMES: [&str; 5] = ["a", "b", "c", "d\u{0}e", "\u{e9}\"t\n"];

    async fn open(folder: &Path) -> Store {
        Store::open("sqlite:x.db", folder).await.unwrap()
    }

    async fn begin(store: &Store) -> Transaction {
        let mut transaction = store.begin().await.unwrap();
        transaction.batch();
        checks::read_ahead(&mut transaction, &NAMES.into()).await.unwrap();
        transaction
    }

    /// These checks have heard this.
    async fn hear(transaction: &mut Transaction, names: &[&str], words: &str) {
        for name in names {
            let mut check = checks::find(transaction, name).await.unwrap().unwrap();
            check.seen.reason = Some(words.to_owned());
            checks::save(transaction, check).await.unwrap();
        }
    }

    async fn hear_and_commit(store: &Store, names: &[&str], words: &str) {
        let mut transaction = begin(store).await;
        hear(&mut transaction, names, words).await;
        transaction.commit().await.unwrap();
    }

    /// A store with five checks that have heard nothing.
    async fn with_checks(folder: &Path) -> Store {
        let store = open(folder).await;
        let mut transaction = store.begin().await.unwrap();
        for name in NAMES {
            let made = Made { uuid: uuid::Uuid::new_v4(), period_ms: 60_000, grace_ms: 0 };
            checks::save(&mut transaction, made::new(name, &made, Moment::from_millis(0))).await.unwrap();
        }
        transaction.commit().await.unwrap();
        // From here on the checks are known, and need not be read.
        hear_and_commit(&store, &NAMES, "").await;
        store
    }

    fn words_of(checks: &[StoredCheck]) -> Vec<&str> {
        NAMES
            .iter()
            .map(|name| checks.iter().find(|check| check.name == *name).and_then(|check| check.seen.reason.as_deref()).unwrap_or(""))
            .collect()
    }

    async fn heard(store: &Store) -> Vec<String> {
        let all = checks::all(&mut store.read().await.unwrap()).await.unwrap();
        words_of(&all).into_iter().map(str::to_owned).collect()
    }

    /// How many commits have put something off, as somebody from outside sees it.
    fn count(folder: &Path) -> i64 {
        let outside = rusqlite::Connection::open(folder.join("x.db")).unwrap();
        outside.query_row("SELECT count(*) FROM put_off", (), |row| row.get(0)).unwrap()
    }

    #[tokio::test]
    async fn what_many_have_heard_is_put_off_until_somebody_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        hear_and_commit(&store, &NAMES, "once").await;
        hear_and_commit(&store, &NAMES[..4], "twice").await;
        assert_eq!(count(folder.path()), 2);
        assert_eq!(heard(&store).await, ["twice", "twice", "twice", "twice", "once"]);
        assert_eq!(count(folder.path()), 0);
        hear_and_commit(&store, &NAMES, "again").await;
        assert_eq!((count(folder.path()), heard(&store).await), (1, vec!["again".to_owned(); 5]));
    }

    #[tokio::test]
    async fn what_few_have_heard_is_written_at_once_and_put_off_after_what_was_put_off() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        hear_and_commit(&store, &NAMES[..1], "alone").await;
        assert_eq!(count(folder.path()), 0);
        hear_and_commit(&store, &NAMES, "all").await;
        hear_and_commit(&store, &NAMES[..1], "last").await;
        assert_eq!(count(folder.path()), 2);
        assert_eq!(heard(&store).await, ["last", "all", "all", "all", "all"]);
    }

    #[tokio::test]
    async fn whoever_writes_finds_checks_as_they_are_and_nothing_older_is_written_over_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        hear_and_commit(&store, &NAMES, "before").await;
        let mut transaction = store.begin().await.unwrap();
        let mut first = checks::find(&mut transaction, NAMES[0]).await.unwrap().unwrap();
        assert_eq!(first.seen.reason.as_deref(), Some("before"));
        first.seen.reason = Some("directly".to_owned());
        checks::save(&mut transaction, first).await.unwrap();
        checks::remove(&mut transaction, NAMES[1]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(heard(&store).await, ["directly", "", "before", "before", "before"]);
    }

    #[tokio::test]
    async fn another_status_in_the_same_commit_is_written_after_what_was_heard_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        hear_and_commit(&store, &NAMES, "before").await;
        let mut transaction = begin(&store).await;
        hear(&mut transaction, &NAMES, "now").await;
        let mut first = checks::find(&mut transaction, NAMES[0]).await.unwrap().unwrap();
        (first.state.status, first.seen.reason) = (Status::Down, Some("down".to_owned()));
        checks::save(&mut transaction, first).await.unwrap();
        hear(&mut transaction, &NAMES[4..], "at last").await;
        transaction.commit().await.unwrap();
        assert_eq!(count(folder.path()), 0);
        assert_eq!(heard(&store).await, ["down", "now", "now", "now", "at last"]);
    }

    #[tokio::test]
    async fn what_is_not_committed_is_neither_put_off_nor_brought() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        hear_and_commit(&store, &NAMES, "kept").await;
        let mut transaction = begin(&store).await;
        hear(&mut transaction, &NAMES, "dropped").await;
        drop(transaction);
        let mut transaction = store.begin().await.unwrap();
        assert_eq!(words_of(&checks::all(&mut transaction).await.unwrap()), ["kept"; 5]);
        drop(transaction);
        assert_eq!(count(folder.path()), 1);
        assert_eq!(heard(&store).await, ["kept"; 5]);
    }

    #[tokio::test]
    async fn what_was_put_off_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        hear_and_commit(&with_checks(folder.path()).await, &NAMES, "before").await;
        assert_eq!(count(folder.path()), 1);
        assert_eq!(heard(&open(folder.path()).await).await, ["before"; 5]);
        hear_and_commit(&open(folder.path()).await, &NAMES, "after").await;
        assert_eq!(heard(&open(folder.path()).await).await, ["after"; 5]);
    }

    #[tokio::test]
    async fn not_more_is_put_off_than_can_be_brought_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        let commits = MOST / NAMES.len();
        for _ in 0..commits {
            hear_and_commit(&store, &NAMES, "again").await;
        }
        assert_eq!(usize::try_from(count(folder.path())), Ok(commits));
        hear_and_commit(&store, &NAMES, "last").await;
        assert_eq!(count(folder.path()), 0);
        assert_eq!(heard(&store).await, ["last"; 5]);
    }
}
