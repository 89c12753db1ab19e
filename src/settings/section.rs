//! Reads a TOML document section by section and collects every error with its line, instead of stopping at the first.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration::parse_duration;
use super::keys::{Keys, full};
use super::secret::Secret;

/// What is wrong with a config, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1. None where something is missing from the whole file.
    pub line: Option<usize>,
    /// In the user's words.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A config file that is being read.
#[derive(Debug)]
pub struct Document<'a> {
    text: &'a str,
    root: Option<Spanned<DeTable<'a>>>,
    found: RefCell<Found>,
}

#[derive(Debug, Default)]
struct Found {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    keys: Vec<Keys>,
}

impl<'a> Document<'a> {
    /// Parses the text; syntax errors are among the errors of [`Document::finish`].
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Self { text, root: Some(root), found: RefCell::default() };
        for error in errors {
            document.error_at(error.span(), error.message().to_owned());
        }
        document
    }

    /// The whole file as a section.
    #[must_use]
    pub fn root(&'a self) -> Section<'a> {
        Section { path: String::new(), table: self.root.as_ref().map(Spanned::as_ref), span: None, known: Vec::new(), document: self }
    }

    /// Whether anything is wrong, as far as it was read.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.found.borrow().errors.is_empty()
    }

    /// Every error and every warning, by line; and every key that was asked for in the sections that are finished.
    #[must_use]
    pub fn finish(self) -> (Vec<Problem>, Vec<Problem>, Vec<Keys>) {
        let Found { mut errors, mut warnings, keys } = self.found.into_inner();
        errors.sort_by_key(|problem| problem.line);
        warnings.sort_by_key(|problem| problem.line);
        (errors, warnings, keys)
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    fn error_at(&self, span: Option<Range<usize>>, message: String) {
        let line = span.map(|span| self.line(span.start));
        self.found.borrow_mut().errors.push(Problem { line, message });
    }

    fn warning_at(&self, span: Range<usize>, message: String) {
        let line = Some(self.line(span.start));
        self.found.borrow_mut().warnings.push(Problem { line, message });
    }
}

/// One table of the file. A section that is absent reads as empty: every key has its default.
#[derive(Debug)]
pub struct Section<'a> {
    path: String,
    table: Option<&'a DeTable<'a>>,
    span: Option<Range<usize>>,
    known: Vec<&'static str>,
    document: &'a Document<'a>,
}

impl<'a> Section<'a> {
    /// Whether the file has this section.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.table.is_some()
    }

    fn full(&self, key: &str) -> String {
        full(&self.path, key)
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        let table = self.table?;
        table.iter().find(|(name, _)| name.as_ref().as_ref() == key).map(|(_, value)| value)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'a>>, wanted: &str) {
        let message = format!("{} must be {wanted}, not {}", self.full(key), article(value.as_ref().type_str()));
        self.document.error_at(Some(value.span()), message);
    }

    /// Says that a key's value is wrong, with the key's line where it is in the file.
    pub fn error(&self, key: &str, message: impl fmt::Display) {
        let span = self.table.and_then(|table| table.iter().find(|(name, _)| name.as_ref().as_ref() == key).map(|(name, _)| name.span()));
        self.document.error_at(span.or(self.span.clone()), format!("{}: {message}", self.full(key)));
    }

    /// A text, if given.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.value(key)?;
        match value.as_ref().as_str() {
            Some("") => {
                self.document.error_at(Some(value.span()), format!("{} must not be empty", self.full(key)));
                None
            }
            Some(text) => Some(text.to_owned()),
            None => {
                self.wrong(key, value, "a text");
                None
            }
        }
    }

    /// A text with a default.
    pub fn text_or(&mut self, key: &'static str, default: &str) -> String {
        self.text(key).unwrap_or_else(|| default.to_owned())
    }

    /// A text that must be given; an error and an empty text if it is not.
    pub fn text_required(&mut self, key: &'static str) -> String {
        let given = self.is_given(key);
        let text = self.text(key);
        if !given {
            self.error(key, "is missing");
        }
        text.unwrap_or_default()
    }

    /// Whether the file has this key.
    #[must_use]
    pub fn is_given(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.iter().any(|(name, _)| name.as_ref().as_ref() == key))
    }

    /// A text that is parsed by its own type, if given.
    pub fn parsed<T>(&mut self, key: &'static str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: fmt::Display,
    {
        let text = self.text(key)?;
        match text.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.error(key, error);
                None
            }
        }
    }

    /// One of several words, with the first as default.
    pub fn one_of<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let Some(given) = self.text(key) else { return words.first().map(|(_, value)| *value) };
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.error(key, format!("\"{given}\" is not known: one of {}", known.join(", ")));
        }
        found
    }

    /// A list of texts; one text stands for a list of one.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.value(key) else { return Vec::new() };
        if let Some(text) = value.as_ref().as_str() {
            return vec![text.to_owned()];
        }
        let Some(array) = value.as_ref().as_array() else {
            self.wrong(key, value, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in array.iter() {
            match item.as_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong(key, item, "a list of texts"),
            }
        }
        texts
    }

    /// A list of texts, each parsed by its own type; what is wrong is an error, and left out.
    pub fn all_parsed<T>(&mut self, key: &'static str) -> Vec<T>
    where
        T: std::str::FromStr,
        T::Err: fmt::Display,
    {
        let texts = self.texts(key);
        texts.iter().filter_map(|text| text.parse().map_err(|error| self.error(key, error)).ok()).collect()
    }

    /// A whole number from 1, with a default.
    pub fn count_or(&mut self, key: &'static str, default: u32) -> u32 {
        self.count(key).unwrap_or(default)
    }

    /// A whole number from 1, if it was given.
    pub fn count(&mut self, key: &'static str) -> Option<u32> {
        let value = self.value(key)?;
        let number = value.as_ref().as_integer().and_then(|number| number.as_str().parse::<u32>().ok()).filter(|number| *number > 0);
        if number.is_none() {
            self.wrong(key, value, "a whole number from 1");
        }
        number
    }

    /// Yes or no, with a default.
    pub fn flag_or(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else { return default };
        value.as_ref().as_bool().unwrap_or_else(|| {
            self.wrong(key, value, "true or false");
            default
        })
    }

    /// A duration, if given.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        parse_duration(&text).map_err(|error| self.error(key, error)).ok()
    }

    /// A time as it stands in the file: a text, or as TOML writes one.
    pub fn time(&mut self, key: &'static str) -> Option<String> {
        let value = self.value(key)?;
        let found = match value.as_ref() {
            DeValue::Datetime(time) => Some(time.to_string()),
            other => other.as_str().map(str::to_owned),
        };
        if found.is_none() {
            self.wrong(key, value, "a time such as \"2026-12-01 22:00\"");
        }
        found
    }

    /// A duration with a default.
    pub fn duration_or(&mut self, key: &'static str, default: Duration) -> Duration {
        self.duration(key).unwrap_or(default)
    }

    /// A secret: `{ env = "NAME" }`, `{ file = "PATH" }`, or plain with a warning.
    pub fn secret(&mut self, key: &'static str) -> Option<Secret> {
        let value = self.value(key)?;
        if let Some(text) = value.as_ref().as_str() {
            let advice = format!(
                "{} is a secret in plain text: {{ env = \"NAME\" }} or {{ file = \"PATH\" }} keeps it out of the config",
                self.full(key)
            );
            self.document.warning_at(value.span(), advice);
            return Some(Secret::Plain(text.to_owned()));
        }
        let place = place(value);
        if place.is_none() {
            self.wrong(key, value, "{ env = \"NAME\" }, { file = \"PATH\" } or a text");
        }
        place
    }

    /// A table whose keys are the user's own, by name: each a text, `{ env = "NAME" }` or `{ file = "PATH" }`; none where it is absent.
    pub fn named(&mut self, key: &'static str) -> Option<Vec<(String, Secret)>> {
        let value = self.value(key)?;
        let Some(table) = value.as_ref().as_table() else {
            self.wrong(key, value, "a section");
            return None;
        };
        let mut named = Vec::new();
        for (name, value) in table.iter() {
            let text = value.as_ref().as_str().map(|text| Secret::Plain(text.to_owned()));
            match text.or_else(|| place(value)) {
                Some(found) => named.push((name.as_ref().to_string(), found)),
                None => self.wrong(&format!("{key}.{}", name.as_ref()), value, "a text, { env = \"NAME\" } or { file = \"PATH\" }"),
            }
        }
        Some(named)
    }

    /// A table whose keys are the user's own, by name, and whose values are texts alone; none where it is absent.
    pub fn named_texts(&mut self, key: &'static str) -> Option<Vec<(String, String)>> {
        let mut texts = Vec::new();
        for (name, value) in self.named(key)? {
            match value {
                Secret::Plain(text) => texts.push((name, text)),
                Secret::Env(_) | Secret::File(_) => self.error(key, format!("{name} must be a text")),
            }
        }
        Some(texts)
    }

    /// A table within this one.
    pub fn section(&mut self, key: &'static str) -> Section<'a> {
        let value = self.value(key);
        let table = value.and_then(|value| value.as_ref().as_table());
        if let (Some(value), None) = (value, table) {
            self.wrong(key, value, "a section");
        }
        Section { path: self.full(key), table, span: value.map(Spanned::span), known: Vec::new(), document: self.document }
    }

    /// The tables of a list: `[[key]]`.
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.as_ref().as_array() else {
            self.wrong(key, value, &format!("a list of sections: [[{key}]]"));
            return Vec::new();
        };
        let section = |item: &'a Spanned<DeValue<'a>>| Section {
            path: self.full(key),
            table: item.as_ref().as_table(),
            span: Some(item.span()),
            known: Vec::new(),
            document: self.document,
        };
        array.iter().map(section).collect()
    }

    /// Says which keys are not known, with the nearest one that is. Call it last.
    pub fn finish(self) {
        self.refuse_unknown();
        self.document.found.borrow_mut().keys.push(Keys::of(self.path, self.known));
    }

    fn refuse_unknown(&self) {
        let Some(table) = self.table else { return };
        for (name, _) in table.iter() {
            let given = name.as_ref().as_ref();
            if self.known.contains(&given) {
                continue;
            }
            let nearest =
                self.known.iter().copied().max_by(|a, b| strsim::jaro_winkler(a, given).total_cmp(&strsim::jaro_winkler(b, given)));
            let advice = match nearest.filter(|known| strsim::jaro_winkler(known, given) > 0.7) {
                Some(known) => format!("did you mean {known}?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            self.document.error_at(Some(name.span()), format!("{} is not a known key: {advice}", self.full(given)));
        }
    }
}

/// Where a secret stands that is not here.
fn place(value: &Spanned<DeValue<'_>>) -> Option<Secret> {
    let table = value.as_ref().as_table().filter(|table| table.len() == 1)?;
    let (name, value) = table.iter().next()?;
    match (name.as_ref().as_ref(), value.as_ref().as_str()?) {
        ("env", name) => Some(Secret::Env(name.to_owned())),
        ("file", path) => Some(Secret::File(PathBuf::from(path))),
        _ => None,
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_told_at_once_with_its_line_and_the_nearest_key() {
        let document = Document::parse("[switch]\npases = 3\ndrain = \"soon\"\npasses = \"three\"\n");
        let mut root = document.root();
        let mut switch = root.section("switch");
        assert_eq!(switch.count_or("passes", 3), 3);
        assert_eq!(switch.duration_or("drain", Duration::from_secs(30)).as_secs(), 30);
        switch.finish();
        root.finish();
        let (errors, warnings, _) = document.finish();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("line 2: switch.pases is not a known key: did you mean passes?"), "{told:?}");
        assert!(told[1].starts_with("line 3: switch.drain: \"soon\" is not a duration"), "{told:?}");
        assert!(told[2].starts_with("line 4: switch.passes must be a whole number"), "{told:?}");
        assert_eq!(warnings, []);
    }

    #[test]
    fn a_plain_secret_is_taken_with_a_warning() {
        let document = Document::parse("url = \"https://example.org/x\"\nkey = { file = \"k\" }\nother = { vault = \"k\" }\n");
        let mut root = document.root();
        assert_eq!(root.secret("url"), Some(Secret::Plain("https://example.org/x".into())));
        assert_eq!(root.secret("key"), Some(Secret::File("k".into())));
        assert_eq!(root.secret("other"), None);
        root.finish();
        let (errors, warnings, _) = document.finish();
        assert_eq!((errors.len(), warnings.len()), (1, 1));
    }

    #[test]
    fn a_table_of_the_users_own_keys_has_texts_and_secrets() {
        let document =
            Document::parse("[env]\nPORT = \"1\"\nKEY = { file = \"k\" }\nBAD = 1\n[labels]\nteam = \"\"\nkey = { env = \"K\" }\n");
        let mut root = document.root();
        let env = root.named("env").unwrap();
        assert_eq!(env, [("KEY".to_owned(), Secret::File("k".into())), ("PORT".to_owned(), Secret::Plain("1".into()))]);
        assert_eq!(root.named_texts("labels").unwrap(), [("team".to_owned(), String::new())]);
        assert_eq!(root.named("none"), None);
        root.finish();
        let (errors, warnings, _) = document.finish();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("line 4: env.BAD must be a text, { env = \"NAME\" } or"), "{told:?}");
        assert!(told[1].starts_with("line 5: labels: key must be a text"), "{told:?}");
        assert_eq!(warnings, []);
    }

    #[test]
    fn broken_syntax_is_an_error_with_its_line() {
        let (errors, _, _) = Document::parse("a = 1\nb = = 2\n").finish();
        assert_eq!(errors[0].line, Some(2), "{errors:?}");
    }
}
