//! Many values in one statement. Their numbers are few, so that each statement is prepared once.

use std::borrow::Cow;

use super::value::Value;

/// So many values go into one statement; what is over goes into the next smaller.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// A statement and its values.
pub(super) type Ready<'a> = (Cow<'static, str>, Vec<Value<'a>>);

/// `head IN (?, ?, ..)`, in as many statements as needed.
pub(super) fn lists<'a>(head: &str, values: Vec<Value<'a>>) -> Vec<Ready<'a>> {
    let statement = |values: Vec<Value<'a>>| (format!("{head} IN ({})", vec!["?"; values.len()].join(", ")).into(), values);
    portions(values).into_iter().map(statement).collect()
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
