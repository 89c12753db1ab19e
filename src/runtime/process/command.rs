//! What to run: words with placeholders, made into a command line and an environment.

use std::path::{Path, PathBuf};

use crate::domain::colour::Colour;
use crate::runtime::words::fill;

/// One process that is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Its name: of its record, in messages.
    pub name: String,
    /// The command, word by word.
    pub argv: Vec<String>,
    /// Variables added to the environment. Recorded: a process with others is not the same.
    pub environment: Vec<(String, String)>,
    /// Variables added to the environment, and written nowhere.
    pub secrets: Vec<(String, String)>,
    /// Where its output goes.
    pub log: PathBuf,
}

/// What an instance's placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub struct Placeholders<'a> {
    /// `{port}`, and `PORT`.
    pub port: u16,
    /// `{colour}`, and `ALLSWELL_COLOUR`.
    pub colour: Colour,
    /// `{version}`, and `ALLSWELL_VERSION`; without one, nothing.
    pub version: Option<&'a str>,
    /// `{allswell}`: our own executable.
    pub allswell: &'a Path,
}

impl Placeholders<'_> {
    /// The words with every placeholder replaced, once: what a placeholder stands for is never looked into, and no word is split.
    #[must_use]
    pub fn fill(&self, words: &[String]) -> Vec<String> {
        fill(words, |name| self.value(name))
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "{port}" => Some(self.port.to_string()),
            "{colour}" => Some(self.colour.to_string()),
            "{version}" => Some(self.version.unwrap_or_default().to_owned()),
            "{allswell}" => Some(self.allswell.display().to_string()),
            _ => None,
        }
    }

    /// The variables that every instance gets.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = vec![("PORT".to_owned(), self.port.to_string()), ("ALLSWELL_COLOUR".to_owned(), self.colour.to_string())];
        environment.extend(self.version.map(|version| ("ALLSWELL_VERSION".to_owned(), version.to_owned())));
        environment
    }
}

/// The word is no version, and why.
#[derive(Debug, thiserror::Error)]
#[error("the version {0}")]
pub struct NotAVersion(&'static str);

/// Refuses what cannot stand in a command line, a header or a message.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_version(version: &str) -> Result<(), NotAVersion> {
    if version.trim().is_empty() {
        Err(NotAVersion("is empty"))
    } else if version.chars().count() > 128 {
        Err(NotAVersion("is longer than 128 characters"))
    } else if version.chars().any(char::is_control) {
        Err(NotAVersion("has control characters in it"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(version: Option<&str>, words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Placeholders { port: 3001, colour: Colour::Blue, version, allswell: Path::new("/opt/all swell") }.fill(&words)
    }

    #[test]
    fn placeholders_are_replaced_within_a_word_and_a_word_stays_one() {
        let filled = filled(Some("v 2; rm -rf /"), &["{allswell}", "--port={port}", "/{colour}/{version}/{colour}", ""]);
        assert_eq!(filled, ["/opt/all swell", "--port=3001", "/blue/v 2; rm -rf //blue", ""]);
    }

    #[test]
    fn what_a_placeholder_stands_for_is_not_looked_into() {
        assert_eq!(filled(Some("{port}"), &["{version}"]), ["{port}"]);
    }

    #[test]
    fn other_braces_are_left_alone() {
        assert_eq!(
            filled(None, &["{\"a\": {port}}", "{unknown}", "{", "{port", "a{version}b"]),
            ["{\"a\": 3001}", "{unknown}", "{", "{port", "ab"]
        );
    }

    #[test]
    fn the_environment_has_a_version_only_where_there_is_one() {
        let names = |version| {
            let placeholders = Placeholders { port: 1, colour: Colour::Green, version, allswell: Path::new("a") };
            placeholders.environment().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["PORT", "ALLSWELL_COLOUR"]);
        assert_eq!(names(Some("2")), ["PORT", "ALLSWELL_COLOUR", "ALLSWELL_VERSION"]);
    }

    #[test]
    fn a_version_that_would_break_a_command_line_is_refused() {
        assert!(check_version("1.2.3-rc.1 (nightly)").is_ok());
        for bad in ["", " ", "a\0b", "a\nb", &"x".repeat(129)] {
            assert!(check_version(bad).is_err(), "{bad:?}");
        }
    }
}
