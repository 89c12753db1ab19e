//! What a person reads: plain words when piped, colour on a terminal. Words and shapes carry the meaning, colour repeats it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;

use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::colour::Colour;
use crate::domain::plain::{escaped, one_line, plain};

// Noncharacters mark what is coloured until the very end, where everything else that a terminal would obey is taken out.
const END: char = '\u{fdd0}';
const STRONG: char = '\u{fdd1}';
const FAINT: char = '\u{fdd2}';
const GOOD: char = '\u{fdd3}';
const POOR: char = '\u{fdd4}';
const BAD: char = '\u{fdd5}';
const BLUE: char = '\u{fdd6}';
const GREEN: char = '\u{fdd7}';

/// What a terminal is told for a mark.
fn sequence(mark: char) -> &'static str {
    match mark {
        STRONG => "\u{1b}[1m",
        FAINT => "\u{1b}[2m",
        GOOD => "\u{1b}[32m",
        POOR => "\u{1b}[33m",
        BAD => "\u{1b}[1;31m",
        BLUE => "\u{1b}[1;94m",
        GREEN => "\u{1b}[1;92m",
        _ => "\u{1b}[0m",
    }
}

/// A line on stdout. A reader that has gone away (`| head`) is no failure of ours.
pub fn line(text: impl Display) {
    let _ = try_line(text);
}

/// A line on stdout, for who goes on until nobody reads any more.
///
/// # Errors
/// Where nobody reads any more.
pub fn try_line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{}", shown(&text.to_string(), Paint::of_stdout()))
}

/// Just this on stdout: what a program reads that is neither lines for people nor a document.
pub fn raw(bytes: &[u8]) {
    let _ = io::stdout().write_all(bytes);
}

/// A JSON document on stdout.
pub fn document(value: &impl Serialize) {
    // What we print has no maps with odd keys: it cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let _ = writeln!(io::stdout(), "{}", escaped(&text));
}

/// A JSON document on one line of stdout, for who prints one after the other until nobody reads any more.
///
/// # Errors
/// Where nobody reads any more.
pub fn try_record(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value).unwrap_or_default();
    writeln!(io::stdout(), "{}", escaped(&text))
}

/// A line that an app has said, on stdout: its colours are obeyed where there is colour, and nothing else is.
///
/// # Errors
/// Where nobody reads any more.
pub fn try_said(before: &str, said: &str) -> io::Result<()> {
    let paint = Paint::of_stdout();
    writeln!(io::stdout(), "{}{}", shown(before, paint), tinted(said, paint))
}

/// A line on stderr.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", shown(&text.to_string(), Paint::none()));
}

/// A warning on stderr.
pub fn warn(text: impl Display) {
    note(format!("warning: {text}"));
}

/// A question on stderr; the answer is typed after it.
pub fn ask(question: &str) {
    let _ = write!(io::stderr(), "{} ", shown(question, Paint::none()));
}

/// As it is written: our own marks are obeyed where there is colour, and nothing else is.
#[must_use]
pub fn shown(text: &str, paint: Paint) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_mark) {
        let mark = piece.chars().next_back().filter(|c| is_mark(*c));
        out.push_str(&plain(&piece[..piece.len() - mark.map_or(0, char::len_utf8)]));
        if paint.0 {
            out.extend(mark.map(sequence));
        }
    }
    out
}

/// Without what would be obeyed, but for colours, which end with the line.
fn tinted(said: &str, paint: Paint) -> String {
    let mut pieces = said.split("\u{1b}[");
    let mut out = plain(pieces.next().unwrap_or_default()).into_owned();
    let mut is_tinted = false;
    for piece in pieces {
        let length = piece.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        match piece.as_bytes().get(length) {
            Some(b'm') if paint.0 => {
                is_tinted = true;
                out.push_str(&format!("\u{1b}[{}m{}", &piece[..length], plain(&piece[length + 1..])));
            }
            Some(b'm') => out.push_str(&plain(&piece[length + 1..])),
            _ => out.push_str(&format!("{}{}", plain("\u{1b}["), plain(piece))),
        }
    }
    if is_tinted { out + sequence(END) } else { out }
}

fn is_mark(c: char) -> bool {
    (END..=GREEN).contains(&c)
}

/// Whether and how stdout is coloured.
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// Colour where stdout is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn of_stdout() -> Self {
        static COLOURED: LazyLock<bool> = LazyLock::new(|| {
            io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
        });
        Self(*COLOURED)
    }

    /// No colour.
    #[must_use]
    pub fn none() -> Self {
        Self(false)
    }

    fn marked(self, mark: char, text: impl Display) -> String {
        if self.0 { format!("{mark}{text}{END}") } else { text.to_string() }
    }

    /// Stands out.
    #[must_use]
    pub fn strong(self, text: impl Display) -> String {
        self.marked(STRONG, text)
    }

    /// Stands back.
    #[must_use]
    pub fn faint(self, text: impl Display) -> String {
        self.marked(FAINT, text)
    }

    /// Well.
    #[must_use]
    pub fn good(self, text: impl Display) -> String {
        self.marked(GOOD, text)
    }

    /// Not quite well.
    #[must_use]
    pub fn poor(self, text: impl Display) -> String {
        self.marked(POOR, text)
    }

    /// Not well.
    #[must_use]
    pub fn bad(self, text: impl Display) -> String {
        self.marked(BAD, text)
    }

    /// In a colour's own colour.
    #[must_use]
    pub fn colour(self, colour: Colour, text: impl Display) -> String {
        let mark = match colour {
            Colour::Blue => BLUE,
            Colour::Green => GREEN,
        };
        self.marked(mark, text)
    }
}

/// How many columns a text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// On one line and cut to a number of columns; what was cut shows as `…`.
#[must_use]
pub fn fitted(text: &str, columns: usize) -> String {
    let text = one_line(text);
    if width(&text) <= columns {
        return text.into_owned();
    }
    let mut used = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < columns
        })
        .collect();
    format!("{}…", kept.trim_end())
}

/// As [`fitted`], and filled with blanks to that number of columns.
#[must_use]
pub fn cell(text: &str, columns: usize) -> String {
    let text = fitted(text, columns);
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(&text))))
}

/// Broken at blanks; following lines stand under the first one's text.
#[must_use]
pub fn wrapped(label: &str, text: &str, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(width(label)).max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace().map(|word| fitted(word, room)) {
        let last = lines.len() - 1;
        match width(&lines[last]) {
            0 => lines[last] = word,
            used if used + 1 + width(&word) <= room => lines[last].push_str(&format!(" {word}")),
            _ => lines.push(word),
        }
    }
    let label = |at: usize| if at == 0 { label.to_owned() } else { " ".repeat(width(label)) };
    lines.into_iter().enumerate().map(|(at, line)| format!("{}{line}", label(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_to_fit_and_says_so() {
        assert_eq!(fitted("short", 5), "short");
        assert_eq!(fitted("rather long", 8), "rather…");
        assert_eq!(fitted("two\nlines", 20), "two lines");
    }

    #[test]
    fn a_wide_letter_takes_two_columns() {
        assert_eq!((fitted("例例例", 6), fitted("例例例", 5)), ("例例例".to_owned(), "例例…".to_owned()));
        assert_eq!((cell("例", 4), cell("abcde", 4)), ("例  ".to_owned(), "abc…".to_owned()));
    }

    #[test]
    fn nothing_is_coloured_where_nobody_sees_it() {
        assert_eq!(shown(&Paint::none().bad("not working"), Paint(true)), "not working");
        assert_eq!(shown(&Paint(true).bad("not working"), Paint::none()), "not working");
    }

    #[test]
    fn our_own_colours_are_obeyed_and_nothing_that_a_name_brings_along() {
        let hostile = "shop\u{1b}[2J\u{9b}31m\u{7}";
        let told = shown(&format!("{}: {}", Paint(true).good(hostile), Paint(true).colour(Colour::Blue, "blue")), Paint(true));
        assert_eq!(told, "\u{1b}[32mshop␛[2J\u{fffd}31m␇\u{1b}[0m: \u{1b}[1;94mblue\u{1b}[0m");
        assert_eq!(shown(hostile, Paint::none()), "shop␛[2J\u{fffd}31m␇");
    }

    #[test]
    fn of_what_an_app_says_its_colours_alone_are_obeyed() {
        let said = "\u{1b}[1;32mINFO\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7} listens";
        let obeyed = "\u{1b}[1;32mINFO\u{1b}[0m ␛[2J␛]0;title␇ listens\u{1b}[0m";
        assert_eq!(tinted(said, Paint(true)), obeyed);
        assert_eq!(tinted(said, Paint::none()), "INFO ␛[2J␛]0;title␇ listens");
    }
}
