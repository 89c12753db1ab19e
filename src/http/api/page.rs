//! One page of a list, and where the next begins.

use axum::http::Uri;
use serde_json::{Value, json};

use axum::extract::Query;

use super::super::error::ApiError;
use crate::domain::moment::Moment;

const FEWEST: u32 = 1;
const USUAL: u32 = 100;
const MOST: u32 = 1_000;

/// `limit` and `cursor`, as they were asked for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Page {
    pub(in crate::http) limit: u32,
    cursor: Option<String>,
}

impl Page {
    /// Reads a query.
    pub(in crate::http) fn read(uri: &Uri) -> Result<Self, ApiError> {
        let bad = |words: String| ApiError::BadRequest(words);
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|error| bad(error.body_text()))?;
        let mut page = Self { limit: USUAL, cursor: None };
        for (key, value) in pairs {
            match key.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (FEWEST..=MOST).contains(limit));
                    page.limit = limit.ok_or_else(|| bad(format!("limit is a number from {FEWEST} to {MOST}, not \"{value}\"")))?;
                }
                "cursor" => page.cursor = Some(value),
                _ => return Err(bad(format!("{key} is not known here: limit, cursor"))),
            }
        }
        Ok(page)
    }

    /// As the number of a row; the newest where there is none.
    pub(in crate::http) fn row(&self) -> Result<i64, ApiError> {
        self.cursor.as_deref().map_or(Ok(i64::MAX), |text| text.parse().map_err(|_| wrong(text)))
    }

    /// As the name of a check.
    pub(super) fn name(&self) -> &str {
        self.cursor.as_deref().unwrap_or_default()
    }

    /// As the place of an incident: `MILLISECONDS.KEY`.
    pub(in crate::http) fn incident(&self) -> Result<(Moment, &str), ApiError> {
        let Some(text) = self.cursor.as_deref() else { return Ok((Moment::from_millis(i64::MAX), "")) };
        let (millis, key) = text.split_once('.').ok_or_else(|| wrong(text))?;
        Ok((Moment::from_millis(millis.parse().map_err(|_| wrong(text))?), key))
    }

    /// The answer: a full page says where the next one begins.
    pub(super) fn answer(&self, what: &str, rows: &[Value], last: Option<String>) -> Value {
        let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= self.limit);
        json!({ what: rows, "limit": self.limit, "next": last.filter(|_| is_full) })
    }
}

fn wrong(text: &str) -> ApiError {
    ApiError::BadRequest(format!("cursor is what \"next\" said on the page before, not \"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Page, String> {
        Page::read(&format!("/v1/beats?{query}").parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_asked_for_by_its_limit_and_the_end_of_the_one_before() {
        assert_eq!(read("").unwrap(), Page { limit: 100, cursor: None });
        let page = read("limit=5&cursor=77").unwrap();
        assert_eq!((page.limit, page.row().unwrap()), (5, 77));
        assert_eq!(read("cursor=12.a.b").unwrap().incident().unwrap(), (Moment::from_millis(12), "a.b"));
        for (query, why) in [("limit=0", "limit is"), ("limit=1001", "limit is"), ("limit=x", "limit is"), ("page=2", "page is not known")]
        {
            assert!(read(query).unwrap_err().starts_with(why), "{query}");
        }
        for query in ["cursor=", "cursor=x", "cursor=1e9", "cursor=%00"] {
            let page = read(query).unwrap();
            assert!(page.row().is_err() && page.incident().is_err(), "{query}");
        }
    }

    #[test]
    fn only_a_full_page_has_a_next_one() {
        let page = Page { limit: 2, cursor: None };
        let rows = [json!(1), json!(2)];
        assert_eq!(page.answer("beats", &rows, Some("7".into())), json!({ "beats": [1, 2], "limit": 2, "next": "7" }));
        assert_eq!(page.answer("beats", &rows[..1], Some("7".into())), json!({ "beats": [1], "limit": 2, "next": null }));
    }
}
