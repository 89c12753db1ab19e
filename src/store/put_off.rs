//! What checks have only heard is put off: a commit of many writes it down in one place, and the rows of the checks follow together, before
//! anybody speaks of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::StoreError;
use super::value::Value;

/// Writes a check that is there and has only heard something. In the second place stands its status, which is the same.
pub(super) const HEARD: &str = "UPDATE \"check\" SET state = ?3, every_ms = ?4, seen = ?5 WHERE name = ?1";

/// Reads what was put off, in its order. It stands in places, and of those in which the turn is the one of place 0.
pub(super) const LEFT: &str = "SELECT rows FROM put_off WHERE turn = (SELECT turn FROM put_off WHERE id = 0) ORDER BY id";
/// Writes over a place whose turn has passed. All are of one size, so no page is freed and taken for something else: pages of an index that are
/// not in the order of their numbers have SQLite look through its whole cache at the end of a transaction.
pub(super) const LEAVE: &str = "UPDATE put_off SET turn = (SELECT turn FROM put_off WHERE id = 0), rows = ?2 WHERE id = ?1";
/// The same in a place that was never taken. One statement for both would first copy every page that it writes.
pub(super) const LEAVE_FIRST: &str = "INSERT INTO put_off (id, turn, rows) SELECT ?1, turn, ?2 FROM put_off WHERE id = 0";
/// Everything that was put off is in the rows of the checks.
pub(super) const PASS: &str = "UPDATE put_off SET turn = turn + 1 WHERE id = 0";

/// With fewer in a commit, and none before them, each is written to its row at once.
const FEW: usize = 4;
/// So many bytes of lines are in a place: with the row around them a page of the file.
const PLACE: usize = 4_000;
/// So many places there are.
const PLACES: usize = 2_560;
/// Of so many checks at most something is put off: whoever brings it keeps others waiting.
const CHECKS: usize = 3_000;

/// Whether this statement reads or writes rows of checks as a whole. To both databases the table's name is a word that has to be quoted.
pub(super) fn is_of_rows(statement: &str) -> bool {
    let has = |words: &str| memchr::memmem::find(statement.as_bytes(), words.as_bytes()).is_some();
    if statement.starts_with("SELECT") { has("* FROM \"check\"") } else { has("\"check\"") }
}

/// What was put off in a file and is not in the rows of the checks yet.
#[derive(Debug, Clone)]
pub(super) struct Behind(Arc<Mutex<Left>>);

#[derive(Debug)]
struct Left {
    /// How many places may be taken. Who does not know says all.
    places: usize,
    /// None where they may be others than those that we have put off.
    lines: Option<Lines>,
}

/// By check, the last line of each.
type Lines = HashMap<String, Vec<u8>>;

impl Behind {
    /// Of a file that was just opened.
    pub(super) fn unknown() -> Self {
        Self(Arc::new(Mutex::new(Left { places: PLACES, lines: None })))
    }

    /// Somebody else has written to the file.
    pub(super) fn forget(&self) {
        *self.left() = Left { places: PLACES, lines: None };
    }

    /// Whether there may be any.
    pub(super) fn is_any(&self) -> bool {
        self.left().places > 0
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a transaction puts off, until it brings everything that was.
#[derive(Debug)]
pub(super) struct PutOff {
    behind: Behind,
    lines: Vec<u8>,
    /// Whose each line is, and where it ends.
    ends: Vec<(String, usize)>,
    /// What was put off before, from the moment in which nobody knows what the file holds until the commit has returned.
    before: Option<Lines>,
    is_brought: bool,
}

impl PutOff {
    /// Nothing yet.
    pub(super) fn new(behind: &Behind) -> Self {
        Self { behind: behind.clone(), lines: Vec::new(), ends: Vec::new(), before: None, is_brought: false }
    }

    /// Takes what [`Line`] reads, of this check. False where it is to be written to its row.
    pub(super) fn take(&mut self, name: &str, line: &impl Serialize) -> Result<bool, StoreError> {
        if self.is_brought {
            return Ok(false);
        }
        serde_json::to_writer(&mut self.lines, line).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        self.ends.push((name.to_owned(), self.lines.len()));
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

    /// The lines that count of what was put off before; none where only the file has them.
    pub(super) fn left(&self) -> Option<Vec<u8>> {
        self.behind.left().lines.as_ref().map(|lines| lines.values().map(Vec::as_slice).collect::<Vec<_>>().concat())
    }

    /// What this transaction would put off.
    pub(super) fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// It has written everything to the rows of the checks, and puts nothing off from now on.
    pub(super) fn brought(&mut self) {
        self.is_brought = true;
        (self.lines, self.ends) = (Vec::new(), Vec::new());
    }

    /// Whether the end of the transaction is the time to bring everything: it is not worth while, or there is no place, or it is enough.
    pub(super) fn is_due(&self) -> bool {
        let Left { places, lines } = &*self.behind.left();
        let count = self.ends.len();
        let is_little = *places == 0 && count < FEW;
        let is_full = places + self.lines.len().div_ceil(PLACE) > PLACES;
        let is_enough = || lines.as_ref().is_none_or(|lines| lines.len() + count > CHECKS);
        count > 0 && (is_little || is_full || is_enough())
    }

    /// The rows for [`LEAVE`]. From now on they may be there, whatever is heard of the commit.
    pub(super) fn leave(&mut self) -> Vec<Vec<Value<'static>>> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        let pieces = self.lines.chunks(PLACE);
        let mut left = self.behind.left();
        let taken = left.places;
        left.places += pieces.len();
        self.before = left.lines.take();
        let row = |(piece, place): (&[u8], usize)| {
            let mut rows = piece.to_vec();
            rows.resize(PLACE, b' ');
            vec![Value::Number(i64::try_from(place).ok()), Value::Bytes(Some(rows.into()))]
        };
        pieces.zip(taken + 1..).map(row).collect()
    }

    /// The transaction is committed.
    pub(super) fn committed(self) {
        if self.is_brought {
            *self.behind.left() = Left { places: 0, lines: Some(Lines::default()) };
        }
        let Some(mut known) = self.before else { return };
        let mut from = 0;
        for (name, end) in self.ends {
            let line = &self.lines[from..end];
            match known.get_mut(&name) {
                Some(before) => {
                    before.clear();
                    before.extend_from_slice(line);
                }
                None => drop(known.insert(name, line.to_vec())),
            }
            from = end;
        }
        self.behind.left().lines = Some(known);
    }
}

/// What was put off of a check: its name, its state, how often it beats, and what it said besides.
#[derive(Debug, Deserialize)]
struct Line<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] &'a RawValue, Option<i64>, #[serde(borrow)] &'a RawValue);

/// The rows for [`HEARD`], of each check the last one. In the order of their names, as they stand in the file.
pub(super) fn rows(lines: &[u8]) -> Result<Vec<Vec<Value<'_>>>, StoreError> {
    let mut rows = BTreeMap::new();
    for line in serde_json::Deserializer::from_slice(lines).into_iter::<Line<'_>>() {
        let Line(name, state, every_ms, seen) = line.map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let [state, seen] = [state, seen].map(|raw| Value::Text(Some(raw.get().into())));
        let row = vec![Value::Text(Some(name.clone())), Value::Text(None), state, Value::Number(every_ms), seen];
        rows.insert(name, row);
    }
    Ok(rows.into_values().collect())
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
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
        checks::read_ahead(&mut transaction, &NAMES).await.unwrap();
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

    /// How many commits have put something off, as somebody from outside sees it: each of so few has a place.
    fn count(folder: &Path) -> usize {
        let outside = rusqlite::Connection::open(folder.join("x.db")).unwrap();
        let mut left = outside.prepare(LEFT).unwrap();
        left.query_map((), |row| row.get::<_, Vec<u8>>(0)).unwrap().filter(|rows| !rows.as_ref().unwrap().is_empty()).count()
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
    async fn what_takes_many_places_is_whole_and_what_stood_there_before_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        let long = "long ".repeat(700);
        hear_and_commit(&store, &NAMES, &long).await;
        assert_eq!((count(folder.path()), heard(&store).await), (5, vec![long.clone(); 5]));
        hear_and_commit(&store, &NAMES[..4], "short").await;
        assert_eq!((count(folder.path()), heard(&store).await), (1, ["short"; 4].into_iter().chain([&*long]).map(str::to_owned).collect()));
        let outside = rusqlite::Connection::open(folder.path().join("x.db")).unwrap();
        let free = || outside.query_row("PRAGMA freelist_count", (), |row| row.get::<_, i64>(0)).unwrap();
        let before = free();
        hear_and_commit(&store, &NAMES, &long).await;
        assert_eq!((count(folder.path()), free()), (5, before));
    }

    #[tokio::test]
    async fn whoever_else_puts_something_off_in_the_file_finds_another_place() {
        let folder = tempfile::tempdir().unwrap();
        let ours = with_checks(folder.path()).await;
        let theirs = open(folder.path()).await;
        assert_eq!(heard(&theirs).await, [""; 5]);
        hear_and_commit(&ours, &NAMES, "ours").await;
        hear_and_commit(&theirs, &NAMES[1..], "theirs").await;
        hear_and_commit(&theirs, &NAMES[1..], "theirs again").await;
        hear_and_commit(&ours, &NAMES[..4], "ours again").await;
        for store in [&ours, &theirs, &open(folder.path()).await] {
            assert_eq!(heard(store).await, ["ours again", "ours again", "ours again", "ours again", "theirs again"]);
        }
    }

    #[tokio::test]
    async fn not_more_is_put_off_than_there_are_places() {
        let folder = tempfile::tempdir().unwrap();
        let store = with_checks(folder.path()).await;
        let long = "long ".repeat(12_800);
        let mut most = 0;
        loop {
            hear_and_commit(&store, &NAMES, &long).await;
            match count(folder.path()) {
                0 => break,
                taken => most = taken,
            }
            assert!(most <= PLACES);
        }
        assert!(most > PLACES - PLACES / 20, "{most} were taken");
        assert_eq!(heard(&store).await, [&*long; 5]);
    }

    fn puts_off(behind: &Behind, names: Range<usize>) -> PutOff {
        let mut put_off = PutOff::new(behind);
        for name in names {
            assert!(put_off.take(&name.to_string(), &name).unwrap());
        }
        put_off
    }

    /// What is behind once that is committed.
    fn after(behind: &Behind, mut put_off: PutOff) -> Option<String> {
        put_off.leave();
        put_off.committed();
        PutOff::new(behind).left().map(|lines| String::from_utf8(lines).unwrap())
    }

    #[test]
    fn of_each_check_the_last_line_is_known_and_nothing_where_a_commit_has_not_returned() {
        let behind = Behind::unknown();
        assert_eq!(after(&behind, puts_off(&behind, 0..9)), None, "nobody has read what was there before");
        let mut all = PutOff::new(&behind);
        all.brought();
        assert_eq!(after(&behind, all).as_deref(), Some(""));
        assert!(!behind.is_any());
        assert_eq!(after(&behind, puts_off(&behind, 7..8)).as_deref(), Some("7"));
        assert_eq!(after(&behind, puts_off(&behind, 7..8)).as_deref(), Some("7"));
        puts_off(&behind, 8..9).leave();
        assert_eq!(PutOff::new(&behind).left(), None);
        assert!(behind.is_any());
    }

    #[test]
    fn of_more_checks_nothing_is_put_off_than_are_soon_brought() {
        let behind = Behind::unknown();
        let is_due = |names| puts_off(&behind, names).is_due();
        assert!(is_due(0..9), "nobody knows of how many it was");
        let mut all = PutOff::new(&behind);
        all.brought();
        all.committed();
        assert!(is_due(0..FEW - 1) && !is_due(0..FEW));
        after(&behind, puts_off(&behind, 0..CHECKS - 9));
        assert!(!is_due(0..9) && is_due(0..10));
        behind.forget();
        assert!(is_due(0..9));
    }
}
