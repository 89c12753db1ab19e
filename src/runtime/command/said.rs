//! What the user's commands have said, for messages and for the journal: the last lines, never too many.

use std::collections::VecDeque;

use crate::domain::plain::bare;

/// So many lines are kept.
const LINES: usize = 60;
/// So many bytes are kept.
const BYTES: usize = 8 * 1024;
/// Longer lines are cut, in characters.
const LONGEST: usize = 400;

/// The last lines.
#[derive(Debug, Default)]
pub(super) struct Said {
    lines: VecDeque<String>,
    bytes: usize,
    forgotten: usize,
}

impl Said {
    /// Keeps a line, and forgets the oldest where there are too many. Gives it back as it is kept; none where nothing is in it.
    pub(super) fn keep(&mut self, line: &str) -> Option<String> {
        let line = bare(line, LONGEST);
        if line.is_empty() {
            return None;
        }
        self.bytes += line.len();
        self.lines.push_back(line.clone());
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
            self.forgotten += 1;
        }
        Some(line)
    }

    /// The last of them, oldest first.
    pub(super) fn last(&self, count: usize) -> Vec<String> {
        self.lines.iter().skip(self.lines.len().saturating_sub(count)).cloned().collect()
    }

    /// All that is kept, and how much is not; none where nothing was said.
    pub(super) fn text(&self) -> Option<String> {
        let dropped = (self.forgotten > 0).then(|| format!("({} earlier lines are not kept)", self.forgotten));
        let lines: Vec<String> = dropped.into_iter().chain(self.lines.iter().cloned()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_the_rest_is_counted() {
        let mut said = Said::default();
        assert_eq!(said.text(), None);
        (0..100).for_each(|number| drop(said.keep(&format!("\u{1b}[32mline {number}\u{1b}[0m\r"))));
        let text = said.text().unwrap();
        assert!(text.starts_with("(40 earlier lines are not kept)\nline 40\n") && text.ends_with("line 99"), "{text}");
        assert_eq!(said.last(2), ["line 98", "line 99"]);
        assert_eq!(said.keep(" \t"), None);
    }

    #[test]
    fn long_lines_are_cut_and_many_long_ones_are_forgotten() {
        let mut said = Said::default();
        (0..50).for_each(|_| drop(said.keep(&"é".repeat(1_000))));
        assert_eq!(said.last(1)[0].chars().count(), LONGEST);
        let text = said.text().unwrap();
        assert!(text.len() < BYTES + 100, "{}", text.len());
    }
}
