//! Rows that wait to be written, in a few pieces of memory whatever their number.

use std::ops::Range;

use super::value::Value;

/// Rows of values, each known by its place.
#[derive(Debug, Default)]
pub(super) struct Rows {
    cells: Vec<Cell>,
    texts: String,
    bytes: Vec<u8>,
    /// The cells of each row. No row is without one: then it was taken back.
    rows: Vec<Range<usize>>,
}

/// A value, and where it stands.
#[derive(Debug)]
enum Cell {
    Number(Option<i64>),
    Text(Option<Range<usize>>),
    Bytes(Option<Range<usize>>),
}

impl Rows {
    /// Adds a row. Says its place.
    pub(super) fn push(&mut self, row: &[Value<'_>]) -> usize {
        let cells = self.keep(row);
        self.rows.push(cells);
        self.rows.len() - 1
    }

    /// Puts another row in its place. What stood there keeps its memory until all are written.
    pub(super) fn replace(&mut self, place: usize, row: &[Value<'_>]) {
        let cells = self.keep(row);
        if let Some(replaced) = self.rows.get_mut(place) {
            *replaced = cells;
        }
    }

    /// Has this row not written.
    pub(super) fn take_back(&mut self, place: usize) {
        if let Some(taken) = self.rows.get_mut(place) {
            *taken = 0..0;
        }
    }

    /// The rows that are to be written, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = Value<'_>>> {
        let wanted = self.rows.iter().filter(|cells| !cells.is_empty());
        wanted.map(|cells| self.cells[cells.clone()].iter().map(|cell| self.value(cell)))
    }

    fn keep(&mut self, row: &[Value<'_>]) -> Range<usize> {
        let first = self.cells.len();
        for value in row {
            let cell = match value {
                Value::Number(number) => Cell::Number(*number),
                Value::Text(text) => Cell::Text(text.as_deref().map(|text| {
                    let from = self.texts.len();
                    self.texts.push_str(text);
                    from..self.texts.len()
                })),
                Value::Bytes(bytes) => Cell::Bytes(bytes.as_deref().map(|bytes| {
                    let from = self.bytes.len();
                    self.bytes.extend_from_slice(bytes);
                    from..self.bytes.len()
                })),
            };
            self.cells.push(cell);
        }
        first..self.cells.len()
    }

    fn value(&self, cell: &Cell) -> Value<'_> {
        match cell {
            Cell::Number(number) => Value::Number(*number),
            Cell::Text(text) => Value::Text(text.clone().map(|at| self.texts[at].into())),
            Cell::Bytes(bytes) => Value::Bytes(bytes.clone().map(|at| self.bytes[at].into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_they_were_but_for_those_that_were_replaced_or_taken_back() {
        let row = |text: &'static str| [Value::from(7_i64), Value::from(text), Value::from(&b"\0\xff"[..]), Value::Text(None)];
        let mut rows = Rows::default();
        let places = ["first", "\u{e9}\0", "third"].map(|text| rows.push(&row(text)));
        rows.replace(places[0], &row(""));
        rows.take_back(places[2]);
        let kept: Vec<Vec<Value<'_>>> = rows.iter().map(Iterator::collect).collect();
        assert_eq!(kept, [row(""), row("\u{e9}\0")]);
    }
}
