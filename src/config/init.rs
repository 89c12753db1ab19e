//! The commented config that `allswell init` writes.

/// Every key with its meaning, default and unit; `validate` accepts it as it is, with `kind = "process"`.
pub const TEXT: &str = include_str!("init.toml");

/// What is a line of another kind's block.
const OTHER: &str = "## ";
/// Where the lines of a process begin; they end at the next empty line, as every block does.
const PROCESS: &str = "# kind = \"process\"\n";

/// The kinds that a config can be written for.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    let others = TEXT.lines().filter_map(|line| line.strip_prefix(OTHER)?.strip_prefix("kind = \"")?.strip_suffix('"'));
    std::iter::once("process").chain(others).collect()
}

/// The config with this kind's lines instead of the ones for a process, and without those of the others. None: there is no such kind.
#[must_use]
pub fn of_kind(kind: &str) -> Option<String> {
    if kind == "process" {
        return Some(TEXT.to_owned());
    }
    let own = format!("{OTHER}kind = \"{kind}\"");
    let blocks = || TEXT.split_inclusive("\n\n");
    let block = blocks().find(|block| block.lines().any(|line| line == own))?;
    let lines: String = block.lines().filter_map(|line| line.strip_prefix(OTHER)).map(|line| format!("{line}\n")).collect();
    let kept = blocks().filter(|block| !block.contains(&format!("\n{OTHER}")));
    let written = kept.map(|block| match block.split_once(PROCESS) {
        Some((common, _)) => format!("{common}{lines}\n"),
        None => block.to_owned(),
    });
    Some(written.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::Config;
    use crate::release::SwitchSettings;
    use crate::settings::Keys;

    /// The line without the `# ` in front of a setting or a section that is commented out.
    fn uncommented(line: &str) -> &str {
        let Some(rest) = line.strip_prefix("# ") else { return line };
        let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        let is_setting = !word.is_empty() && rest[word.len()..].trim_start().starts_with("= ");
        if is_setting || rest.starts_with('[') { rest } else { line }
    }

    fn everything_on(text: &str) -> String {
        text.lines().map(uncommented).collect::<Vec<_>>().join("\n")
    }

    /// `switch`, `switch.passes`, ...: what the text names, alternatives (`# or: addresses = [...]`) included.
    fn named(text: &str) -> BTreeSet<String> {
        let mut section = String::new();
        let mut named = BTreeSet::new();
        for line in text.lines().map(uncommented) {
            let line = line.strip_prefix("# or: ").unwrap_or(line);
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_start_matches('[').split(']').next().unwrap_or_default().to_owned();
                let parents = section.match_indices('.').map(|(at, _)| section[..at].to_owned());
                named.extend(parents.chain([section.clone()]));
            } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                named.insert(format!("{section}.{}", key.trim()));
                // `escalate = { after = "30m", to = ["mail"] }`
                let within = value.trim().strip_prefix('{').into_iter().flat_map(|table| table.split(','));
                named.extend(within.filter_map(|part| Some(format!("{section}.{}.{}", key.trim(), part.split_once('=')?.0.trim()))));
            }
        }
        named
    }

    fn keys(text: &str) -> Vec<String> {
        Config::parse(text).unwrap().keys.iter().flat_map(Keys::in_full).collect()
    }

    fn missing(text: &str, keys: &[String]) -> Vec<String> {
        let named = named(text);
        keys.iter().filter(|key| !named.contains(*key)).cloned().collect()
    }

    #[test]
    fn what_init_writes_is_accepted_without_a_warning() {
        for kind in kinds() {
            let loaded = Config::parse(&of_kind(kind).unwrap()).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
            assert_eq!((loaded.warnings, loaded.config.runtime.kind.as_str()), (vec![], kind));
        }
        assert_eq!(of_kind("magic"), None);
    }

    #[test]
    fn every_example_in_it_is_accepted_too() {
        for kind in kinds() {
            Config::parse(&everything_on(&of_kind(kind).unwrap())).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        }
    }

    #[test]
    fn every_key_stands_in_it_and_a_missing_one_would_be_noticed() {
        for kind in kinds() {
            let text = of_kind(kind).unwrap();
            let keys = keys(&everything_on(&text));
            assert!(keys.len() > 60, "{keys:?}");
            assert_eq!(missing(&text, &keys), Vec::<String>::new(), "{kind}");
        }
        let keys = keys(&everything_on(TEXT));
        let without = TEXT.replace("drain", "brain");
        assert_eq!(missing(&without, &keys), ["switch.drain"]);
    }

    #[test]
    fn a_default_in_a_comment_is_the_real_default() {
        let bare = Config::parse("[runtime]\ncommand = \"./server --port {port}\"\n").unwrap().config;
        let full = Config::parse(&everything_on(TEXT)).unwrap().config;
        // The examples of these are no defaults.
        let full_switch = SwitchSettings { gate: bare.switch.gate.clone(), hooks: Vec::new(), streams: None, ..full.switch };
        assert_eq!(bare.switch, full_switch);
        assert_eq!(bare.probe, full.probe);
        assert_eq!(bare.proxy.timeouts, full.proxy.timeouts);
        assert_eq!(bare.proxy.limits, full.proxy.limits);
        assert_eq!(bare.proxy.access_log, full.proxy.access_log);
        assert_eq!(bare.proxy.hold, full.proxy.hold);
        assert_eq!(bare.proxy.live, full.proxy.live);
        assert_eq!(bare.proxy.idle, full.proxy.idle);
        assert_eq!(bare.proxy.health, full.proxy.health);
        assert_eq!(bare.prober.listen, full.prober.listen);
        assert_eq!(bare.prober.health, full.prober.health);
        assert_eq!(bare.prober.watchers, full.prober.watchers);
        assert_eq!(bare.watcher.listen, full.watcher.listen);
        assert_eq!(bare.watcher.outside_every, full.watcher.outside_every);
        assert_eq!(bare.runtime.stop_grace, full.runtime.stop_grace);
        assert_eq!(bare.runtime.deploy_timeout, full.runtime.deploy_timeout);
        assert_eq!(bare.app.blue, full.app.blue);
        assert_eq!(bare.app.green, full.app.green);
        assert_eq!(bare.log.keep, full.log.keep);
    }
}
