//! `[runtime]`.

use std::time::Duration;

use crate::settings::Section;

/// `[runtime]`: how a colour's instances are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// Which runtime. Default: `process`.
    pub kind: RuntimeKind,
    /// The command that starts one instance: words, no shell; `{port}`, `{colour}` and `{version}` are replaced.
    pub command: Vec<String>,
    /// The version of instances that were never deployed. Default: none.
    pub version: Option<String>,
    /// How long an instance may take to stop before it is killed. Default: 10 s.
    pub stop_grace: Duration,
    /// How long a deploy may take in all: until then the colour's checks are quiet. Default: 5 min.
    pub deploy_timeout: Duration,
}

/// Which runtime starts instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeKind {
    /// Processes on this machine, kept by `allswell up`.
    Process,
}

impl RuntimeKind {
    /// Whether `allswell up` keeps the instances: then it beats, and is expected to.
    #[must_use]
    pub fn has_supervisor(self) -> bool {
        match self {
            Self::Process => true,
        }
    }
}

impl RuntimeSettings {
    /// Reads `[runtime]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let kind = section.one_of("kind", &[("process", RuntimeKind::Process)]).unwrap_or(RuntimeKind::Process);
        let command = section.text_required("command");
        let command = words(&command).unwrap_or_else(|problem| {
            section.error("command", problem);
            Vec::new()
        });
        let settings = Self {
            kind,
            command,
            version: section.text("version"),
            stop_grace: section.duration_or("stop_grace", Duration::from_secs(10)),
            deploy_timeout: section.duration_or("deploy_timeout", Duration::from_secs(300)),
        };
        section.finish();
        settings
    }
}

/// `[up]`: the supervisor of one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpSettings {
    /// `/healthz` and `/metrics`. Default: none.
    pub health: Option<String>,
}

impl UpSettings {
    /// Reads `[up]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self { health: section.text("health") };
        section.finish();
        settings
    }
}

/// Splits a command into words at blanks; single and double quotes keep blanks together. No shell, no variables.
fn words(command: &str) -> Result<Vec<String>, &'static str> {
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
