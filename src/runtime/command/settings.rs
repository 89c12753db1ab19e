//! `[runtime]` with `kind = "command"`.

use std::time::Duration;

use crate::runtime::words::words;
use crate::settings::Section;

/// What can stand in a command.
pub(super) const PLACEHOLDERS: [&str; 7] = ["{app}", "{colour}", "{version}", "{image}", "{instances}", "{previous}", "{lines}"];

/// What only this runtime needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSettings {
    /// Starts new instances of a colour in the place of the old ones. Its time: 2 min, `replace_timeout`.
    pub replace: Order,
    /// Undoes a replacement that was not fit. Default: `replace` with the version before, where that is known. Its time: 2 min.
    pub put_back: Option<Order>,
    /// Gives a colour so many instances. Default: none, and `allswell scale` says so. Its time: 2 min.
    pub scale: Option<Order>,
    /// Ends a colour's instances. Default: `scale` to 0. Its time: 2 min.
    pub stop: Option<Order>,
    /// Prints the version that a colour runs as its last line, and fails where it runs none. Default: none. Its time: 10 s.
    pub version: Option<Order>,
    /// Prints the last lines of a colour's instances. Default: none. Its time: 10 s.
    pub logs: Option<Order>,
    /// Prints them and goes on. Default: none.
    pub follow: Option<Order>,
}

/// One of the user's commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its key in the config.
    pub key: &'static str,
    /// Its words, with placeholders.
    pub words: Vec<String>,
    /// How long it may take; none: until it ends.
    pub limit: Option<Duration>,
}

impl CommandSettings {
    pub(in crate::runtime) fn read(section: &mut Section<'_>) -> Self {
        const LONG: Duration = Duration::from_secs(120);
        const SHORT: Duration = Duration::from_secs(10);
        let replace = section.text_required("replace");
        let replace = order(section, "replace", &replace, Some(("replace_timeout", LONG)));
        let mut optional = |key, limit| {
            let text = section.text(key);
            // Read in any case: a limit without its command is known, too.
            let order = order(section, key, text.as_deref().unwrap_or_default(), limit);
            text.map(|_| order)
        };
        Self {
            replace,
            put_back: optional("put_back", Some(("put_back_timeout", LONG))),
            scale: optional("scale", Some(("scale_timeout", LONG))),
            stop: optional("stop", Some(("stop_timeout", LONG))),
            version: optional("version", Some(("version_timeout", SHORT))),
            logs: optional("logs", Some(("logs_timeout", SHORT))),
            follow: optional("follow", None),
        }
    }

    /// The longest that a deploy's own commands can take: to replace, and to put back.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let of = |order: Option<&Order>| order.and_then(|order| order.limit).unwrap_or_default();
        of(Some(&self.replace)) + of(Some(self.put_back.as_ref().unwrap_or(&self.replace)))
    }
}

fn order(section: &mut Section<'_>, key: &'static str, text: &str, limit: Option<(&'static str, Duration)>) -> Order {
    let wrong = |problem| {
        section.error(key, problem);
        Vec::new()
    };
    let words = match words(text) {
        Ok(words) if text.is_empty() || words.first().is_some_and(|program| !program.trim().is_empty()) => words,
        Ok(_) => wrong("names no program"),
        Err(problem) => wrong(problem),
    };
    for (given, known) in words.iter().flat_map(|word| misspelt(word)) {
        section.error(key, format!("{given} stands for nothing: did you mean {known}?"));
    }
    let limit = limit.map(|(key, default)| section.duration_or(key, default));
    Order { key, words, limit }
}

/// What looks like a placeholder, is none, and is near to one. Other braces are the command's own.
fn misspelt(word: &str) -> Vec<(String, &'static str)> {
    let inner = word.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(inner, _)| inner));
    let near = |inner: &str| {
        let name = format!("{{{inner}}}");
        let nearest = PLACEHOLDERS.into_iter().max_by(|a, b| strsim::jaro(a, &name).total_cmp(&strsim::jaro(b, &name)))?;
        (nearest != name && strsim::jaro(nearest, &name) > 0.85).then_some((name, nearest))
    };
    inner.filter_map(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (CommandSettings, Vec<String>) {
        let document = Document::parse(text);
        let mut root = document.root();
        let settings = CommandSettings::read(&mut root);
        root.finish();
        let (errors, _, _) = document.finish();
        (settings, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_replace_is_needed_and_each_command_has_its_time() {
        let (settings, errors) = read("replace = \"./up {colour}\"\nscale = \"./scale '{colour} {instances}'\"\nscale_timeout = \"7s\"\n");
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!((settings.replace.words.len(), settings.replace.limit), (2, Some(Duration::from_secs(120))));
        let scale = settings.scale.unwrap();
        assert_eq!((scale.words, scale.limit), (vec!["./scale".into(), "{colour} {instances}".into()], Some(Duration::from_secs(7))));
        assert_eq!((settings.stop, settings.version), (None, None));
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let (_, errors) = read("version = \"./v {color}\"\nstop = \"'./stop\"\nscale = \"   \"\nlogs_timeout = \"soon\"\n");
        let told = errors.join("\n");
        for words in [
            "replace: is missing",
            "line 1: version: {color} stands for nothing: did you mean {colour}?",
            "line 2: stop: has a quote that does not end",
            "line 3: scale: names no program",
            "line 4: logs_timeout: \"soon\" is not a duration",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert_eq!(errors.len(), 5, "{told}");
    }

    #[test]
    fn braces_of_the_commands_own_are_no_placeholders() {
        assert_eq!(read("replace = 'jq {name} {{.ID}} {} {x {colour}'").1, Vec::<String>::new());
    }
}
