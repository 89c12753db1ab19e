//! `allswell checks`: what else is expected to beat, how it stands, and where it is pinged.

use clap::Args;
use serde::Serialize;

use super::denied::whose;
use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::screen::{self, Paint};
use super::status::ask_watchers;
use crate::config::Config;
use crate::domain::check::Status;
use crate::domain::role::Role;
use crate::http::directory::address;
use crate::monitor::is_slug;
use crate::monitor::overview::{CheckView, Overview};
use crate::signing::Key;

/// Your own checks: how they stand, and the URLs that keep them up
#[derive(Debug, Args)]
pub struct ChecksArgs {
    /// One check alone, by its name or slug
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Its ping URL and nothing else, for scripts: curl -fsS -m 10 --retry 5 "$(allswell checks backup --url)"
    #[arg(long, requires = "name")]
    url: bool,
}

/// One check, for people and machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    name: String,
    slug: Option<String>,
    /// None: no watcher answers.
    status: Option<Status>,
    expected: String,
    ping_url: Option<String>,
}

/// Prints them.
///
/// # Errors
/// Exit code 2 for a wrong config or a check that is not there, 8 where no beat key was made yet.
pub async fn run(operator: &Operator, args: &ChecksArgs) -> Outcome {
    let config = operator.config()?;
    let key = beat_key(operator, &config)?;
    let overview = ask_watchers(&config.prober.watchers, Some(&key)).await;
    let mut lines = lines(&config, &key, overview.as_ref().ok());
    if let Some(name) = &args.name {
        lines.retain(|line| line.name == *name || line.slug.as_ref() == Some(name));
        if lines.is_empty() {
            let silent = overview.as_ref().err().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(Exit::Usage.because(format!("there is no check of yours named \"{name}\"{silent}: see allswell checks")));
        }
    }
    if operator.json {
        screen::document(&lines);
    } else if args.url {
        for line in &lines {
            screen::line(line.ping_url.as_deref().ok_or_else(|| Exit::Usage.because(no_url(line)))?);
        }
    } else {
        show(&lines, Paint::of_stdout());
    }
    if let (Err(error), false) = (&overview, args.url) {
        screen::warn(error);
    }
    Ok(Exit::Done)
}

fn show(lines: &[Line], paint: Paint) {
    if lines.is_empty() {
        screen::line("no checks of your own yet: add a [[check]] to the config, or ping /ping/KEY/SLUG?create=1");
    }
    for line in lines {
        let status = match line.status {
            None => "unknown".to_owned(),
            Some(status @ Status::Up) => paint.good(status),
            Some(status @ (Status::Late | Status::Failing | Status::Poorly)) => paint.poor(status),
            Some(status @ Status::Down) => paint.bad(status),
            Some(status @ (Status::New | Status::Stopped | Status::Paused)) => paint.faint(status),
        };
        screen::line(format!("{}  {status}  {}", paint.strong(&line.name), line.expected));
        screen::line(format!("  {}", line.ping_url.clone().unwrap_or_else(|| paint.faint(no_url(line)))));
    }
}

fn no_url(line: &Line) -> String {
    format!("\"{}\" has no ping URL: give it a slug", line.name)
}

/// The checks of the config, then those that a watcher knows besides.
fn lines(config: &Config, key: &Key, overview: Option<&Overview>) -> Vec<Line> {
    let base = config.watcher.page_url();
    let base = base.trim_end_matches('/');
    let views: &[CheckView] = overview.map_or(&[], |overview| &overview.checks);
    let status = |name: &str| views.iter().find(|view| view.name == name).map(|view| view.status);
    let configured = config.checks.iter().map(|check| Line {
        name: check.name.clone(),
        slug: Some(check.slug.clone()).filter(|slug| !slug.is_empty()),
        status: status(&check.name),
        expected: check.check.to_string(),
        ping_url: address(check, key).map(|uuid| format!("{base}/ping/{uuid}")),
    });
    let is_made = |view: &&CheckView| {
        Role::of(&view.name) == Role::Own && is_slug(&view.name) && !config.checks.iter().any(|check| check.name == view.name)
    };
    let made = views.iter().filter(is_made).map(|view| Line {
        name: view.name.clone(),
        slug: Some(view.name.clone()),
        status: Some(view.status),
        expected: "made by its first ping".to_owned(),
        ping_url: Some(format!("{base}/ping/{}", key.uuid(&view.name))),
    });
    configured.chain(made).collect()
}

/// The key of which the addresses are made. This command makes none.
fn beat_key(operator: &Operator, config: &Config) -> Result<Key, Trouble> {
    let given = config.watcher.beat_key.as_ref().map(|secret| secret.reveal_if_set()).transpose();
    if let Some(text) = given.map_err(|error| Exit::Usage.because(format!("watcher.beat_key: {error}")))?.flatten() {
        return Ok(Key::new(&text));
    }
    let path = operator.state()?.beat_key();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let whose = whose(&path, &error);
        Exit::Unreachable.because(format!(
            "the beat key {} cannot be read: {error}{whose}. The watcher makes it when it first starts: is `allswell up` running?",
            path.display()
        ))
    })?;
    Ok(Key::new(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_the_config_has_a_url_whether_or_not_a_watcher_answers() {
        let text = "[runtime]\ncommand = \"x\"\n[watcher]\nurl = \"https://status.example/\"\n[[check]]\nname = \"Nightly backup\"\nperiod = \"1h\"\n\
                    [[check]]\nname = \"日本\"\nperiod = \"1h\"\n[[check]]\nname = \"own\"\nuuid = \"5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278\"\nperiod = \"1h\"\n";
        let config = Config::parse(text).unwrap().config;
        let key = Key::new("k");
        let urls: Vec<Option<String>> = lines(&config, &key, None).into_iter().map(|line| line.ping_url).collect();
        assert_eq!(
            urls,
            [
                Some(format!("https://status.example/ping/{}", key.uuid("nightly-backup"))),
                None,
                Some("https://status.example/ping/5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278".to_owned())
            ]
        );
    }
}
