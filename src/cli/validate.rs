//! `allswell validate`: whether a config is right, and who would not hear of what.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen::{self, Paint, wrapped};
use super::terminal::room;
use crate::config::{Config, ConfigError, unheard};
use crate::net::tls::Certificate;
use crate::notify::Channel;
use crate::settings::Problem;

/// Check the config, and say who would not hear of what
#[derive(Debug, Args)]
pub struct ValidateArgs {}

/// What there is to say about a config.
#[derive(Debug, Default, Serialize)]
struct Findings {
    config: String,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    unheard: Vec<String>,
    /// What the proxy costs, and what it cannot do.
    proxy: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    line: Option<usize>,
    message: String,
}

impl From<Problem> for Finding {
    fn from(Problem { line, message }: Problem) -> Self {
        Self { line, message }
    }
}

impl From<String> for Finding {
    fn from(message: String) -> Self {
        Self { line: None, message }
    }
}

/// Says everything at once.
///
/// # Errors
/// Exit code 2 where the file cannot be read. Wrong content is no trouble of ours: it is what was asked for, with exit code 2.
pub fn run(operator: &Operator) -> Outcome {
    let path = operator.options.config_path();
    let mut found = Findings { config: path.display().to_string(), ..Findings::default() };
    match operator.options.load() {
        Ok(loaded) => {
            found.errors = unusable(&loaded.config, &operator.options.state).into_iter().map(Finding::from).collect();
            found.warnings = loaded.warnings.into_iter().map(Finding::from).collect();
            found.unheard = unheard(&loaded.config);
            let kind = &loaded.config.proxy.kind;
            found.proxy = kind.switch_costs().into_iter().chain(kind.cannot().iter().copied()).map(str::to_owned).collect();
        }
        Err(ConfigError::Wrong(_, problems)) => found.errors = problems.into_iter().map(Finding::from).collect(),
        Err(error @ ConfigError::Unreadable(..)) => return Err(error.into()),
    }
    if operator.json {
        screen::document(&found);
    } else {
        print(&found);
    }
    Ok(if found.errors.is_empty() { Exit::Done } else { Exit::Usage })
}

fn print(found: &Findings) {
    let place = |finding: &Finding| finding.line.map_or_else(|| found.config.clone(), |line| format!("{}: line {line}", found.config));
    for error in &found.errors {
        screen::note(format!("{}: {}", place(error), error.message));
    }
    for warning in &found.warnings {
        screen::warn(format!("{}: {}", place(warning), warning.message));
    }
    match found.errors.len() {
        0 => screen::line(format!("{} is right", found.config)),
        1 => screen::note("1 error"),
        count => screen::note(format!("{count} errors")),
    }
    let paint = Paint::of_stdout();
    for line in found.unheard.iter().chain(&found.proxy).flat_map(|line| wrapped("○ ", line, room())) {
        screen::line(paint.faint(line));
    }
}

/// What cannot be used here: channels, certificates, and secrets that cannot be read. A variable that is not set is an error where a channel
/// needs it, and means *none* where the setting may be left out.
pub(super) fn unusable(config: &Config, state: &Path) -> Vec<String> {
    let channels = config.channels.iter().filter_map(|channel| Channel::new(channel).err()).map(|error| error.to_string());
    let optional =
        [("watcher.outside", &config.watcher.outside), ("watcher.beat_key", &config.watcher.beat_key), ("pings.key", &config.pings.key)];
    let optional = optional.into_iter().filter_map(|(key, secret)| {
        let error = secret.as_ref()?.reveal_if_set().err()?;
        Some(format!("{key}: {error}"))
    });
    let keys = config.keys.iter().filter_map(|key| {
        let error = key.secret.as_ref()?.reveal().err()?;
        Some(format!("the secret of key \"{}\": {error}", key.name))
    });
    let certificates = [("proxy.live_tls", &config.proxy.live_tls), ("proxy.idle_tls", &config.proxy.idle_tls)];
    let certificates = certificates.into_iter().filter_map(|(key, files)| {
        let files = files.as_ref()?;
        let error = Certificate::load(&state.join(&files.certificate), &state.join(&files.key)).err()?;
        Some(format!("{key}: {error}"))
    });
    channels.chain(optional).chain(keys).chain(certificates).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_cannot_be_read_is_an_error_that_names_the_place_and_not_the_secret() {
        let text = "[runtime]\ncommand = \"x\"\n[watcher]\noutside = { env = \"ALLSWELL_TEST_NEVER_SET\" }\nbeat_key = { file = \"/nowhere/key\" }\n\
                    [[channel]]\nname = \"ops\"\nkind = \"slack\"\nurl = { env = \"ALLSWELL_TEST_NEVER_SET\" }\n";
        let told = unusable(&Config::parse(text).unwrap().config, Path::new("/nowhere"));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("channel \"ops\": the environment variable ALLSWELL_TEST_NEVER_SET is not set"), "{told:?}");
        assert!(told[1].starts_with("watcher.beat_key: the secret file /nowhere/key cannot be read"), "{told:?}");
    }

    #[test]
    fn a_certificate_that_cannot_be_read_is_an_error_before_the_proxy_starts() {
        let text = "[runtime]\ncommand = \"x\"\n[proxy]\nlive_tls = { certificate = \"shop.pem\", key = \"shop.key\" }\n";
        let told = unusable(&Config::parse(text).unwrap().config, Path::new("/nowhere"));
        assert!(told.len() == 1 && told[0].starts_with("proxy.live_tls: ") && told[0].contains("/nowhere/shop.pem"), "{told:?}");
    }
}
