//! Many rows in one statement. The numbers of rows are few, so that each statement is prepared once.

use super::connection::Connection;
use super::error::StoreError;
use super::statement::{Statement, sql};
use super::value::Value;

/// So many rows go into one statement; what is over goes into the next smaller.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// `head VALUES (?, ..), (?, ..) tail`, in as many statements as needed. Says how many rows were written.
pub(super) async fn insert<const N: usize>(
    connection: &mut Connection,
    head: &str,
    rows: Vec<[Value; N]>,
    tail: &str,
) -> Result<u64, StoreError> {
    let mut written = 0;
    for statement in inserts(head, rows, tail) {
        written += statement.run(connection).await?;
    }
    Ok(written)
}

fn inserts<const N: usize>(head: &str, rows: Vec<[Value; N]>, tail: &str) -> Vec<Statement> {
    let row = format!("({})", vec!["?"; N].join(", "));
    let statement = |rows: Vec<[Value; N]>| {
        let text = format!("{head} VALUES {} {tail}", vec![row.as_str(); rows.len()].join(", "));
        sql(text).bind_all(rows.into_iter().flatten())
    };
    portions(rows).into_iter().map(statement).collect()
}

fn portions<T>(rows: Vec<T>) -> Vec<Vec<T>> {
    let mut portions = Vec::new();
    let mut rest = rows.into_iter();
    while rest.len() > 0 {
        let size = SIZES.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
        portions.push(rest.by_ref().take(size).collect());
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_portioned_into_few_sizes_and_none_is_lost() {
        let portions = portions((0..600).collect::<Vec<_>>());
        let sizes: Vec<usize> = portions.iter().map(Vec::len).collect();
        assert_eq!(sizes, [256, 256, 64, 16, 4, 4]);
        assert_eq!(portions.concat(), (0..600).collect::<Vec<_>>());
    }
}
