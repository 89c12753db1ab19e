//! The shapes of docs/json.md, and whether a document has one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::{Value, json};

/// Every shape of the page, by its heading.
pub(crate) struct Shapes(BTreeMap<String, Value>);

impl Shapes {
    /// Those that the page has.
    pub(crate) fn of_page() -> Self {
        Self::read(include_str!("../../../docs/json.md"))
    }

    /// The first JSON block below each heading of the third rank.
    pub(crate) fn read(page: &str) -> Self {
        let sections = page.split("\n### ").skip(1);
        let shape = |section: &str| {
            let (heading, rest) = section.split_once('\n').expect("a heading");
            let block = rest.split_once("```json\n").and_then(|(_, block)| block.split_once("\n```")).expect("a shape").0;
            let shape = serde_json::from_str(block).unwrap_or_else(|error| panic!("{heading}: {error}"));
            (heading.trim().to_owned(), shape)
        };
        Self(sections.map(shape).collect())
    }

    /// The headings that are commands.
    pub(crate) fn commands(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).collect()
    }

    /// Where a document is not what the page says.
    pub(crate) fn faults(&self, name: &str, document: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        match self.0.get(name) {
            Some(shape) => self.compare(name, shape, document, &mut faults),
            None => faults.push(format!("docs/json.md has no shape \"{name}\"")),
        }
        faults
    }

    fn compare(&self, at: &str, shape: &Value, value: &Value, faults: &mut Vec<String>) {
        match (shape, value) {
            (Value::String(word), _) => self.compare_word(at, word, value, faults),
            (Value::Array(shapes), Value::Array(values)) => {
                for (number, value) in values.iter().enumerate() {
                    self.compare(&format!("{at}[{number}]"), &shapes[0], value, faults);
                }
            }
            (Value::Object(shapes), Value::Object(values)) => {
                for (key, shape) in shapes {
                    let bare = key.trim_end_matches('?');
                    match values.get(bare) {
                        Some(value) => self.compare(&format!("{at}.{bare}"), shape, value, faults),
                        None if bare != key => {}
                        None => faults.push(format!("{at}.{bare} is gone")),
                    }
                }
                let known = |key: &String| shapes.contains_key(key) || shapes.contains_key(&format!("{key}?"));
                let new = values.keys().filter(|key| !known(key));
                faults.extend(new.map(|key| format!("{at}.{key} is not in docs/json.md")));
            }
            _ => faults.push(format!("{at} is {value} and not like {shape}")),
        }
    }

    fn compare_word(&self, at: &str, word: &str, value: &Value, faults: &mut Vec<String>) {
        let bare = word.trim_end_matches('?');
        if bare != word && value.is_null() {
            return;
        }
        let fits = match bare {
            "text" => value.is_string(),
            "bool" => value.is_boolean(),
            "number" => value.is_u64(),
            "time" => value.as_str().is_some_and(|time| time.ends_with('Z') && DateTime::parse_from_rfc3339(time).is_ok()),
            words if words.contains(" | ") => value.as_str().is_some_and(|value| words.split(" | ").any(|word| word == value)),
            name => match self.0.get(name) {
                Some(shape) => return self.compare(at, shape, value, faults),
                None => false,
            },
        };
        if !fits {
            faults.push(format!("{at} is {value} and not {word}"));
        }
    }
}

#[test]
fn a_key_that_is_new_gone_or_of_another_type_is_found() {
    let page = "# x\n\n### live\n\nWords.\n\n```json\n{ \"live\": \"Colour?\", \"why?\": \"text\", \"steps\": [{ \"at\": \"time\" }] }\n```\n\n\
                ### Colour\n\n```json\n\"blue | green\"\n```\n";
    let shapes = Shapes::read(page);
    assert_eq!(shapes.commands(), BTreeSet::from(["live"]));
    let faults = |document| shapes.faults("live", &document);
    let right = json!({ "live": "blue", "steps": [{ "at": "2026-11-25T00:00:00.000Z" }] });
    assert_eq!(faults(right), [] as [&str; 0]);
    assert_eq!(faults(json!({ "live": null, "why": "x", "steps": [] })), [] as [&str; 0]);
    assert_eq!(faults(json!({ "live": null, "steps": [], "extra": 1 })), ["live.extra is not in docs/json.md"]);
    assert_eq!(faults(json!({ "live": null })), ["live.steps is gone"]);
    assert_eq!(faults(json!({ "live": "red", "steps": [] })), ["live.live is \"red\" and not blue | green"]);
    assert_eq!(faults(json!({ "live": "blue", "steps": [{ "at": "noon" }] })), ["live.steps[0].at is \"noon\" and not time"]);
    assert_eq!(faults(json!({ "live": "blue", "steps": {} })).len(), 1);
    assert_eq!(faults(json!({ "live": "blue", "why": 7, "steps": [] })), ["live.why is 7 and not text"]);
}
