//! What a transaction that works on many rows has read, and what it has still to write: a table's rows in one statement, at the end
//! or before the first other statement that could tell the difference. So each statement sees everything that was written before it.

use std::any::Any;
use std::fmt::Debug;
use std::sync::OnceLock;

use foldhash::HashMap;

use super::rows::Rows;
use super::value::Value;

/// How rows of a table are written. Each way is one static, and known by its place: two may have the same words in part.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// `INSERT INTO table (column, ..)`.
    pub(super) insert: &'static str,
    /// What happens to a row that is there: `ON CONFLICT ..`.
    pub(super) tail: &'static str,
    /// What happens to a row that is to be written in the same transaction.
    pub(super) again: Again,
    /// The statement that writes one row, once it was needed.
    one: OnceLock<String>,
    /// In place of `INSERT`, the `UPDATE` for a file of which it is known that it has the row.
    there: Option<&'static str>,
}

/// What a second row with the same key does to the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It takes its place.
    Replaces,
    /// It takes its place, and that is rare: a file is given each row at once, and only a server waits for more.
    SeldomReplaces,
    /// Nothing: the first one stays.
    Keeps,
    /// No two have the same key, and none is there.
    Never,
}

/// Rows as they are, by what they are called and by key. The last word of what they are called is their table.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<(&'static str, Box<dyn KnownRows>)>);

/// By key, rows of one type.
trait KnownRows: Any + Debug + Send + Sync {
    fn count(&self) -> usize;
}

impl<T: Any + Debug + Send + Sync> KnownRows for HashMap<String, T> {
    fn count(&self) -> usize {
        self.len()
    }
}

/// Rows that are known, and rows that are to be written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) known: Known,
    queues: Vec<Queue>,
}

/// The pending rows of a table.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) table: &'static Table,
    pub(super) rows: Rows,
    places: HashMap<String, usize>,
}

impl Table {
    /// How rows of a table are written.
    pub(super) const fn new(name: &'static str, insert: &'static str, tail: &'static str, again: Again) -> Self {
        Self { name, insert, tail, again, one: OnceLock::new(), there: None }
    }

    /// Rows of which it is known that the table has them, and which are replaced: in a file by this statement.
    pub(super) const fn of_what_is_there(name: &'static str, insert: &'static str, tail: &'static str, there: &'static str) -> Self {
        Self { name, insert, tail, again: Again::SeldomReplaces, one: OnceLock::new(), there: Some(there) }
    }

    /// Whether each of its rows is there already.
    pub(super) fn is_of_what_is_there(&self) -> bool {
        self.there.is_some()
    }

    /// The statement that writes one row into a file: of so many values, as all of this table.
    pub(super) fn one(&self, width: usize) -> &str {
        let insert = || format!("{} VALUES ({}) {}", self.insert, vec!["?"; width].join(", "), self.tail);
        self.there.unwrap_or_else(|| self.one.get_or_init(insert))
    }
}

impl Known {
    /// Those of one table, where there are no more than `most`.
    pub(super) fn only(mut self, table: &'static str, most: usize) -> Self {
        self.0.retain(|(known, rows)| *known == table && rows.count() <= most);
        self
    }
}

impl Pending {
    /// Whether nothing is to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether rows are to be written to a table that this statement names.
    pub(super) fn is_any_of(&self, statement: &str) -> bool {
        self.queues.iter().any(|queue| statement.contains(queue.table.name))
    }

    /// What is known of a row: none where that would have to be read.
    pub(super) fn known<T: Any + Send + Sync>(&self, table: &'static str, key: &str) -> Option<&T> {
        let (_, rows) = self.known.0.iter().find(|(known, _)| *known == table)?;
        (&**rows as &dyn Any).downcast_ref::<HashMap<String, T>>()?.get(key)
    }

    /// Keeps a row in mind.
    pub(super) fn remember<T: Any + Debug + Send + Sync>(&mut self, table: &'static str, key: &str, row: T) {
        let found = self.known.0.iter().position(|(known, _)| *known == table);
        let at = found.unwrap_or_else(|| {
            self.known.0.push((table, Box::new(HashMap::<String, T>::default())));
            self.known.0.len() - 1
        });
        let (_, rows) = &mut self.known.0[at];
        let Some(rows) = (&mut **rows as &mut dyn Any).downcast_mut::<HashMap<String, T>>() else { return };
        match rows.get_mut(key) {
            Some(known) => *known = row,
            None => drop(rows.insert(key.to_owned(), row)),
        }
    }

    /// This statement writes: what was known of a table that it names may have changed.
    pub(super) fn forget(&mut self, statement: &str) {
        self.known.0.retain(|(known, _)| known.split(' ').next_back().is_some_and(|table| !statement.contains(table)));
    }

    /// Anything may have changed.
    pub(super) fn forget_all(&mut self) {
        self.known = Known::default();
    }

    /// Whether a row with this key is to be written.
    pub(super) fn is_pending(&self, table: &'static Table, key: &str) -> bool {
        self.queues.iter().any(|queue| std::ptr::eq(queue.table, table) && queue.places.contains_key(key))
    }

    /// A row to be written. False where the same key was there already.
    pub(super) fn push(&mut self, table: &'static Table, key: &str, row: &[Value<'_>]) -> bool {
        for other in self.queues.iter_mut().filter(|queue| queue.table.name == table.name && !std::ptr::eq(queue.table, table)) {
            // It says less than this one, and must not be written after it.
            if let Some(place) = other.places.remove(key) {
                other.rows.take_back(place);
            }
        }
        let found = self.queues.iter_mut().position(|queue| std::ptr::eq(queue.table, table));
        let at = found.unwrap_or_else(|| {
            self.queues.push(Queue { table, rows: Rows::default(), places: HashMap::default() });
            self.queues.len() - 1
        });
        let Queue { rows, places, .. } = &mut self.queues[at];
        match places.get(key) {
            Some(place) if matches!(table.again, Again::Replaces | Again::SeldomReplaces) => {
                rows.replace(*place, row);
                false
            }
            Some(_) => false,
            None => {
                let place = rows.push(row);
                if !key.is_empty() {
                    places.insert(key.to_owned(), place);
                }
                true
            }
        }
    }

    /// Everything that is to be written, in the order in which it came.
    pub(super) fn take(&mut self) -> Vec<Queue> {
        std::mem::take(&mut self.queues)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static REPLACED: Table = Table::new("a", "INSERT INTO a (b)", "", Again::Replaces);
    static KEPT: Table = Table::new("c", "INSERT INTO c (d)", "X", Again::Keeps);

    #[test]
    fn a_second_row_replaces_the_first_or_not_as_its_table_says() {
        let mut pending = Pending::default();
        for (number, table) in [(1, &REPLACED), (2, &REPLACED), (3, &KEPT), (4, &KEPT)] {
            let first = number % 2 == 1;
            assert_eq!(pending.push(table, "key", &[Value::from(i64::from(number))]), first);
        }
        let queues = pending.take();
        let written: Vec<_> =
            queues.iter().map(|queue| (queue.table.one(1).to_owned(), queue.rows.iter().flatten().collect::<Vec<_>>())).collect();
        assert_eq!(written[0], ("INSERT INTO a (b) VALUES (?) ".to_owned(), vec![Value::from(2_i64)]));
        assert_eq!(written[1], ("INSERT INTO c (d) VALUES (?) X".to_owned(), vec![Value::from(3_i64)]));
        assert!(pending.is_empty());
    }

    #[test]
    fn a_row_that_says_more_takes_the_place_of_one_that_says_less() {
        static LESS: Table = Table::new("a", "INSERT INTO a (b, c)", "", Again::Replaces);
        let mut pending = Pending::default();
        pending.push(&REPLACED, "first", &[Value::from(1_i64)]);
        pending.push(&LESS, "key", &[Value::from(2_i64)]);
        pending.push(&REPLACED, "key", &[Value::from(3_i64)]);
        assert!(pending.is_pending(&REPLACED, "key") && !pending.is_pending(&LESS, "key"));
        assert!(pending.is_any_of("SELECT c FROM a") && !pending.is_any_of("SELECT 1 FROM c"));
        let queues = pending.take();
        let rows: Vec<_> = queues.iter().flat_map(|queue| queue.rows.iter().flatten()).collect();
        assert_eq!(rows, [Value::from(1_i64), Value::from(3_i64)]);
    }

    #[test]
    fn what_is_known_is_known_until_a_statement_writes_to_its_table() {
        let mut pending = Pending::default();
        for known in ["a", "open a", "b"] {
            pending.remember(known, "key", Some(7));
            assert_eq!(pending.known::<Option<i32>>(known, "key"), Some(&Some(7)));
            assert_eq!(pending.known::<Option<i32>>(known, "other"), None);
        }
        pending.forget("UPDATE a SET c = 1");
        let known = ["a", "open a", "b"].map(|known| pending.known::<Option<i32>>(known, "key").is_some());
        assert_eq!(known, [false, false, true]);
        pending.forget_all();
        assert_eq!(pending.known::<Option<i32>>("b", "key"), None);
    }

    #[test]
    fn what_is_kept_is_of_one_table_and_not_too_much() {
        let known = |most| {
            let mut pending = Pending::default();
            [("a", 1), ("a", 2), ("b", 3)].iter().for_each(|(table, key)| pending.remember(table, &key.to_string(), *key));
            Pending { known: pending.known.only("a", most), ..Pending::default() }
        };
        assert_eq!((known(2).known("a", "2"), known(2).known::<i32>("b", "3")), (Some(&2), None));
        assert_eq!(known(1).known::<i32>("a", "2"), None);
    }
}
