//! Text from elsewhere, so that no terminal obeys it: names, reasons, bodies, what an app has said.

use std::borrow::Cow;

/// Without what moves a cursor, rings, or turns the order of letters around: a control character shows as its picture (`␛`), any other as `�`.
/// Line breaks and tabs stay.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || c == '\t' || !is_obeyed(c)) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if c == '\n' || c == '\t' { c } else { shown(c) }).collect::<String>().into()
}

/// As [`plain`], on one line: line breaks and tabs are blanks.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if matches!(c, '\n' | '\t' | '\r') { ' ' } else { shown(c) }).collect::<String>().into()
}

/// A line that a program has said: without colours and other escape sequences, what would be obeyed and blanks around it, and cut after `longest`
/// characters.
#[must_use]
pub fn bare(line: &str, longest: usize) -> String {
    let mut bare = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            // The rest of an escape sequence: up to its final letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if !is_obeyed(c) {
            bare.push(c);
        }
    }
    bare.trim().chars().take(longest).collect()
}

/// A JSON text in which the same characters are written as `\uXXXX`: nothing is lost, and nothing is obeyed.
#[must_use]
pub fn escaped(json: &str) -> Cow<'_, str> {
    if json.chars().all(|c| c == '\n' || !is_obeyed(c)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_obeyed(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.into()
}

/// Control characters; marks and overrides of direction; line and paragraph separators; noncharacters, which programs keep for themselves.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fdd0}'..='\u{fdef}')
}

fn shown(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        c if is_obeyed(c) => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_terminal_obeys_is_shown_and_not_done() {
        let hostile = "a\u{1b}[31mb\u{7}\u{8}\u{7f}\u{9b}2J\u{202e}\u{fdd0}\r\n\tc";
        assert_eq!(plain(hostile), "a␛[31mb␇␈␡\u{fffd}2J\u{fffd}\u{fffd}␍\n\tc");
        assert_eq!(one_line(hostile), "a␛[31mb␇␈␡\u{fffd}2J\u{fffd}\u{fffd}   c");
        assert!(!one_line(hostile).chars().any(is_obeyed));
    }

    #[test]
    fn a_line_that_a_program_has_said_is_without_its_colours() {
        assert_eq!(bare(" \u{1b}[31;1merror\u{1b}[0m:\t\u{202e}no\u{7} such file\r\n", 100), "error:no such file");
        assert_eq!(bare("éééé", 3), "ééé");
        assert_eq!(bare("\u{1b}", 3), "");
    }

    #[test]
    fn a_json_text_says_the_same_and_is_harmless() {
        let hostile = "a\u{1b}[31m\u{7f}\u{9b}2J\u{202e}\u{fdd0}\r\n\tc";
        let value = serde_json::Value::from(hostile);
        let text = serde_json::to_string_pretty(&value).unwrap();
        assert!(text.chars().any(is_obeyed), "JSON alone leaves some of them");
        let safe = escaped(&text);
        assert!(!safe.chars().any(is_obeyed), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        for text in ["", "shop", "Ünïcödé 例 مرحبا 🚢", "two\nlines\tand a tab"] {
            assert_eq!(plain(text), text);
        }
    }
}
