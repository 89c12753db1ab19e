//! What a transaction that works on many rows has read, and what it has still to write: a table's rows in one statement, at the end
//! or before the first other statement, whichever comes first. So each statement sees everything that was written before it.

use std::any::Any;
use std::collections::HashMap;

use super::batch::{Ready, inserts};
use super::value::Value;

/// How rows of a table are written.
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
}

/// What a second row with the same key does to the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It takes its place.
    Replaces,
    /// Nothing: the first one stays.
    Keeps,
    /// No two have the same key, and none is there: one that is not written is [`super::StoreError::Repeated`].
    Never,
}

/// Rows that are known, and rows that are to be written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    known: HashMap<&'static str, HashMap<String, Box<dyn Any + Send + Sync>>>,
    queues: Vec<Queue>,
}

#[derive(Debug)]
struct Queue {
    table: &'static Table,
    rows: Vec<Vec<Value>>,
    places: HashMap<String, usize>,
}

/// A statement that writes pending rows.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) statement: Ready,
    /// So many rows must be written; none: as many as the table's own rule says.
    pub(super) must_write: Option<usize>,
}

impl Pending {
    /// Whether nothing is to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// What is known of a row: none where that would have to be read.
    pub(super) fn known<T: Any + Clone>(&self, table: &'static str, key: &str) -> Option<T> {
        self.known.get(table)?.get(key)?.downcast_ref::<T>().cloned()
    }

    /// Keeps a row in mind.
    pub(super) fn remember<T: Any + Send + Sync>(&mut self, table: &'static str, key: &str, row: T) {
        self.known.entry(table).or_default().insert(key.to_owned(), Box::new(row));
    }

    /// Something else was written: what was known may have changed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// A row to be written. False where the same key was there already.
    pub(super) fn push(&mut self, table: &'static Table, key: &str, row: Vec<Value>) -> bool {
        let found = self.queues.iter_mut().position(|queue| queue.table.insert == table.insert);
        let at = found.unwrap_or_else(|| {
            self.queues.push(Queue { table, rows: Vec::new(), places: HashMap::new() });
            self.queues.len() - 1
        });
        let Queue { rows, places, .. } = &mut self.queues[at];
        match places.get(key) {
            Some(place) if table.again == Again::Replaces => {
                rows[*place] = row;
                false
            }
            Some(_) => false,
            None => {
                if !key.is_empty() {
                    places.insert(key.to_owned(), rows.len());
                }
                rows.push(row);
                true
            }
        }
    }

    /// The statements that write everything, in the order in which it came.
    pub(super) fn take(&mut self) -> Vec<Write> {
        let queues = std::mem::take(&mut self.queues);
        let writes = queues.into_iter().flat_map(|queue| {
            let statements = inserts(queue.table.insert, queue.rows, queue.table.tail);
            let exact = queue.table.again == Again::Never;
            statements.into_iter().map(move |(rows, statement)| Write { statement, must_write: exact.then_some(rows) })
        });
        writes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLACED: Table = Table { name: "a", insert: "INSERT INTO a (b)", tail: "", again: Again::Replaces };
    const KEPT: Table = Table { name: "c", insert: "INSERT INTO c (d)", tail: "X", again: Again::Keeps };

    #[test]
    fn a_second_row_replaces_the_first_or_not_as_its_table_says() {
        let mut pending = Pending::default();
        for (number, table) in [(1, &REPLACED), (2, &REPLACED), (3, &KEPT), (4, &KEPT)] {
            let first = number % 2 == 1;
            assert_eq!(pending.push(table, "key", vec![Value::from(i64::from(number))]), first);
        }
        let writes = pending.take();
        assert_eq!(writes[0].statement, ("INSERT INTO a (b) VALUES (?) ".to_owned(), vec![Value::from(2_i64)]));
        assert_eq!(writes[1].statement, ("INSERT INTO c (d) VALUES (?) X".to_owned(), vec![Value::from(3_i64)]));
        assert!(pending.is_empty());
    }

    #[test]
    fn what_is_known_is_known_until_something_else_is_written() {
        let mut pending = Pending::default();
        pending.remember("a", "key", Some(7));
        assert_eq!(pending.known::<Option<i32>>("a", "key"), Some(Some(7)));
        assert_eq!(pending.known::<Option<i32>>("a", "other"), None);
        pending.forget();
        assert_eq!(pending.known::<Option<i32>>("a", "key"), None);
    }
}
