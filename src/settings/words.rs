//! A command as a config writes it: words.

/// Splits a command into words at blanks; single and double quotes keep blanks together. No shell, no variables.
///
/// # Errors
/// Where a quote does not end.
pub fn words(command: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (Some(_) | None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("has a quote that does not end") } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_command_is_split_at_blanks_and_quotes_keep_them() {
        assert_eq!(words("./server --port {port}").unwrap(), ["./server", "--port", "{port}"]);
        assert_eq!(words(r#"sh -c 'echo "a b"' """#).unwrap(), ["sh", "-c", r#"echo "a b""#, ""]);
        assert!(words("sh -c 'echo").is_err());
    }
}
