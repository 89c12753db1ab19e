//! A command as a config writes it: words, and placeholders in them.

pub(super) use crate::settings::words;

/// The words with every placeholder replaced, once: what a placeholder stands for is never looked into, and no word is split. `value` knows
/// what `{name}` stands for; other braces are left alone.
pub(super) fn fill(words: &[String], value: impl Fn(&str) -> Option<String>) -> Vec<String> {
    words.iter().map(|word| fill_word(word, &value)).collect()
}

fn fill_word(word: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        let known = from.find('}').and_then(|end| from.split_at_checked(end + 1)).and_then(|(name, after)| Some((value(name)?, after)));
        rest = match known {
            Some((value, after)) => {
                filled.push_str(&value);
                after
            }
            None => {
                filled.push('{');
                from.strip_prefix('{').unwrap_or_default()
            }
        };
    }
    filled.push_str(rest);
    filled
}
