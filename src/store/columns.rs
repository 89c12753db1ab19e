//! Many rows for a server, in one statement whatever their number: a list for each column.

use std::borrow::Cow;

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::dialect;
use super::pending::Table;
use super::rows::Rows;
use super::value::Value;

/// The values of one column.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Column {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    /// Of the same kind as the first of them, which it has.
    fn of(first: Value<'_>) -> Self {
        let mut column = match first {
            Value::Number(_) => Self::Numbers(Vec::new()),
            Value::Text(_) => Self::Texts(Vec::new()),
            Value::Bytes(_) => Self::Bytes(Vec::new()),
        };
        column.push(first);
        column
    }

    /// A value of another kind is none: no column has two.
    fn push(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Numbers(all), Value::Number(number)) => all.push(number),
            (Self::Texts(all), Value::Text(text)) => all.push(text.map(|text| dialect::escape(text).into_owned())),
            (Self::Bytes(all), Value::Bytes(bytes)) => all.push(bytes.map(Cow::into_owned)),
            (Self::Numbers(all), _) => all.push(None),
            (Self::Texts(all), _) => all.push(None),
            (Self::Bytes(all), _) => all.push(None),
        }
    }

    fn of_type(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "bigint[]",
            Self::Texts(_) => "text[]",
            Self::Bytes(_) => "bytea[]",
        }
    }

    /// As the next value of a statement.
    pub(super) fn bind<'q>(query: Query<'q, Postgres, PgArguments>, column: Self) -> Query<'q, Postgres, PgArguments> {
        match column {
            Self::Numbers(all) => query.bind(all),
            Self::Texts(all) => query.bind(all),
            Self::Bytes(all) => query.bind(all),
        }
    }
}

/// The statement that writes rows of a table, and its values.
pub(super) fn turned(table: &Table, rows: &Rows) -> (String, Vec<Column>) {
    let mut rows = rows.iter();
    let mut columns: Vec<Column> = rows.next().into_iter().flatten().map(Column::of).collect();
    for row in rows {
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let types = columns.iter().enumerate().map(|(place, column)| format!("${}::{}", place + 1, column.of_type()));
    let types: Vec<String> = types.collect();
    (format!("{} SELECT * FROM unnest({}) {}", table.insert, types.join(", "), table.tail), columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::pending::Again;

    #[test]
    fn rows_become_a_list_for_each_column() {
        static TABLE: Table = Table::new("a", "INSERT INTO a (b, c)", "X", Again::Keeps);
        let mut rows = Rows::default();
        rows.push(&[Value::from(1_i64), Value::from("x\0")]);
        rows.push(&[Value::Number(None), Value::Text(None)]);
        let (text, columns) = turned(&TABLE, &rows);
        assert_eq!(text, "INSERT INTO a (b, c) SELECT * FROM unnest($1::bigint[], $2::text[]) X");
        assert_eq!(columns, [Column::Numbers(vec![Some(1), None]), Column::Texts(vec![Some("x\u{e000}0".into()), None])]);
    }
}
