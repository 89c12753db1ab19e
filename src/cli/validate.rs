//! `allswell validate`: whether a config is right, and who would not hear of what.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen::{self, Paint, wrapped};
use super::terminal::room;
use crate::config::{Config, ConfigError, unheard};
use crate::heartbeat::url;
use crate::monitor::WatcherSettings;
use crate::net::tls::Certificate;
use crate::notify::Channel;
use crate::release::Callee;
use crate::runtime::RuntimeKind;
use crate::settings::{Problem, Secret};

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

/// What cannot be used here: channels, secrets that cannot be read, and certificates. With it a part does not start, a deploy is refused, or a
/// switch is taken back.
pub(super) fn unusable(config: &Config, state: &Path) -> Vec<String> {
    let channels = config.channels.iter().filter_map(|channel| Channel::new(channel).err()).map(|error| error.to_string());
    channels
        .chain(optional(config))
        .chain(keys(config))
        .chain(hooks(config))
        .chain(environment(config))
        .chain(certificates(config, state))
        .collect()
}

/// Secrets that may be left out: a variable that is not set means *none*. All others are needed.
fn optional(config: &Config) -> impl Iterator<Item = String> {
    let WatcherSettings { outside, beat_key, token, .. } = &config.watcher;
    let secrets =
        [("watcher.outside", outside), ("watcher.beat_key", beat_key), ("watcher.token", token), ("pings.key", &config.pings.key)];
    secrets.into_iter().filter_map(|(key, secret)| {
        let error = secret.as_ref()?.reveal_if_set().err()?;
        Some(format!("{key}: {error}"))
    })
}

fn keys(config: &Config) -> impl Iterator<Item = String> {
    config.keys.iter().filter_map(|key| {
        let error = key.secret.as_ref()?.reveal().err()?;
        Some(format!("the secret of key \"{}\": {error}", key.name))
    })
}

fn hooks(config: &Config) -> impl Iterator<Item = String> {
    config.switch.hooks.iter().filter_map(|hook| {
        let Callee::Url(secret) = &hook.callee else { return None };
        let error = secret.reveal().map_err(|error| error.to_string()).and_then(|text| url(&text)).err()?;
        Some(format!("the url of the hook {}: {error}", hook.moment()))
    })
}

/// Of containers: a plain text may be empty, a secret may not.
fn environment(config: &Config) -> impl Iterator<Item = String> {
    let given = match &config.runtime.kind {
        RuntimeKind::Docker(settings) => settings.env.as_deref().unwrap_or_default(),
        RuntimeKind::Process(_) | RuntimeKind::Swarm(_) | RuntimeKind::Command(_) => &[],
    };
    let secrets = given.iter().filter(|(_, secret)| !matches!(secret, Secret::Plain(_)));
    secrets.filter_map(|(name, secret)| Some(format!("runtime.env.{name}: {}", secret.reveal().err()?)))
}

fn certificates(config: &Config, state: &Path) -> impl Iterator<Item = String> {
    let listeners = [
        ("proxy.live_tls", &config.proxy.live_tls),
        ("proxy.idle_tls", &config.proxy.idle_tls),
        ("watcher.tls", &config.watcher.tls),
        ("public.tls", &config.public.tls),
    ];
    listeners.into_iter().filter_map(move |(key, files)| {
        let files = files.as_ref()?;
        let error = Certificate::load(&state.join(&files.certificate), &state.join(&files.key)).err()?;
        Some(format!("{key}: {error}"))
    })
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
    fn a_certificate_that_cannot_be_read_is_an_error_before_its_listener_starts() {
        let tls = "tls = { certificate = \"shop.pem\", key = \"shop.key\" }\n";
        let text = format!(
            "[runtime]\ncommand = \"x\"\n[proxy]\nlive_{tls}idle_{tls}[watcher]\n{tls}\
             [public]\nchecks = [\"site\"]\nlisten = \"127.0.0.1:7780\"\n{tls}"
        );
        let told = unusable(&Config::parse(&text).unwrap().config, Path::new("/nowhere"));
        let listeners = ["proxy.live_tls", "proxy.idle_tls", "watcher.tls", "public.tls"];
        assert_eq!(told.len(), listeners.len(), "{told:?}");
        for (told, listener) in told.iter().zip(listeners) {
            assert!(told.starts_with(&format!("{listener}: ")) && told.contains("/nowhere/shop.pem"), "{told}");
        }
    }

    #[test]
    fn what_would_be_missed_only_by_a_start_a_deploy_or_a_switch_is_an_error_before() {
        let hook = |url: &str| format!("[[switch.hook]]\nat = \"before shift\"\nurl = {url}\n");
        let unset = "{ env = \"ALLSWELL_TEST_NEVER_SET\" }";
        let text = format!(
            "[runtime]\nkind = \"docker\"\nnetwork = \"shop\"\n[runtime.env]\nEMPTY = \"\"\nKEY = {unset}\n\
             [watcher]\ntoken = {{ file = \"/nowhere/token\" }}\nbeat_key = {unset}\n{}{}{}",
            hook(unset),
            hook("\"hooks.example/hush\""),
            hook("\"https://hooks.example/x\""),
        );
        let told = unusable(&Config::parse(&text).unwrap().config, Path::new("/nowhere"));
        let wanted = [
            "watcher.token: the secret file /nowhere/token cannot be read",
            "the url of the hook before shift: the environment variable ALLSWELL_TEST_NEVER_SET is not set",
            "the url of the hook before shift: not a whole URL",
            "runtime.env.KEY: the environment variable ALLSWELL_TEST_NEVER_SET is not set",
        ];
        assert_eq!(told.len(), wanted.len(), "{told:?}");
        for (told, wanted) in told.iter().zip(wanted) {
            assert!(told.starts_with(wanted) && !told.contains("hush"), "{told}");
        }
    }
}
