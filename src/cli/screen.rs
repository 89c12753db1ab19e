//! What a person reads: plain words when piped, colour on a terminal. Words and shapes carry the meaning, colour repeats it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use owo_colors::OwoColorize;
use serde::Serialize;

use crate::domain::colour::Colour;

/// A line on stdout. A reader that has gone away (`| head`) is no failure of ours.
pub fn line(text: impl Display) {
    let _ = try_line(text);
}

/// A line on stdout, for who goes on until nobody reads any more.
///
/// # Errors
/// Where nobody reads any more.
pub fn try_line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// A JSON document on stdout.
pub fn document(value: &impl Serialize) {
    // What we print has no maps with odd keys: it cannot fail.
    line(serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A line on stderr.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A warning on stderr.
pub fn warn(text: impl Display) {
    note(format!("warning: {text}"));
}

/// Whether and how stdout is coloured.
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// Colour where stdout is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self(io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
    }

    /// No colour.
    #[must_use]
    pub fn none() -> Self {
        Self(false)
    }

    /// Stands out.
    #[must_use]
    pub fn strong(self, text: impl Display) -> String {
        if self.0 { text.bold().to_string() } else { text.to_string() }
    }

    /// Stands back.
    #[must_use]
    pub fn faint(self, text: impl Display) -> String {
        if self.0 { text.dimmed().to_string() } else { text.to_string() }
    }

    /// Well.
    #[must_use]
    pub fn good(self, text: impl Display) -> String {
        if self.0 { text.green().to_string() } else { text.to_string() }
    }

    /// Not quite well.
    #[must_use]
    pub fn poor(self, text: impl Display) -> String {
        if self.0 { text.yellow().to_string() } else { text.to_string() }
    }

    /// Not well.
    #[must_use]
    pub fn bad(self, text: impl Display) -> String {
        if self.0 { text.red().bold().to_string() } else { text.to_string() }
    }

    /// In a colour's own colour.
    #[must_use]
    pub fn colour(self, colour: Colour, text: impl Display) -> String {
        match (self.0, colour) {
            (false, _) => text.to_string(),
            (true, Colour::Blue) => text.bright_blue().bold().to_string(),
            (true, Colour::Green) => text.bright_green().bold().to_string(),
        }
    }
}

/// Cut to a number of columns; what was cut shows as `…`.
#[must_use]
pub fn fitted(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_to_fit_and_says_so() {
        assert_eq!(fitted("short", 5), "short");
        assert_eq!(fitted("rather long", 8), "rather…");
    }

    #[test]
    fn nothing_is_coloured_where_nobody_sees_it() {
        assert_eq!(Paint::none().bad("not working"), "not working");
    }
}
