//! `allswell reload`: every part reads its config anew.

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::reach::Reach;
use super::{screen, validate, watchers};
use crate::monitor::orders::ConfigView;

/// Have watchers and prober read the config anew: checks, channels, probe and switch settings
///
/// No listener is closed. A file that is wrong changes nothing, and is an incident until it is mended. What cannot change while a part runs
/// (its listeners, its store) is refused. The proxy and `up` keep what they were started with.
#[derive(Debug, Args)]
pub struct ReloadArgs {}

/// What came of it, for machines.
#[derive(Debug, Serialize)]
struct Reloaded {
    part: String,
    config: Option<ConfigView>,
    trouble: Option<String>,
}

/// Checks the file as it is seen from here, and orders it of each part.
///
/// # Errors
/// Exit code 2 where the file is wrong as it is seen from here: nobody is asked then. 1 where a part refuses or does not answer.
pub async fn run(operator: &Operator) -> Outcome {
    let reach = Reach::of(operator)?;
    let wrong = validate::unusable(&reach.config, reach.state.path());
    let mut done = Vec::new();
    for watcher in watchers::all(&reach)? {
        let asked = watcher.reload().await.map_err(|error| error.to_string());
        done.push(said(format!("watcher {}", watcher.url()), asked));
    }
    let asked = match reach.prober() {
        Ok(prober) => prober.reload().await.map_err(|error| error.to_string()),
        Err(trouble) => Err(trouble.message),
    };
    done.push(said("prober".to_owned(), asked));
    if operator.json {
        screen::document(&done);
    } else {
        done.iter().for_each(show);
        wrong.iter().for_each(screen::warn);
    }
    Ok(if done.iter().all(|one| one.trouble.is_none()) { Exit::Done } else { Exit::Failed })
}

fn said(part: String, asked: Result<ConfigView, String>) -> Reloaded {
    let (config, trouble) = match asked {
        Ok(config) => (Some(config), None),
        Err(trouble) => (None, Some(trouble)),
    };
    Reloaded { part, config, trouble }
}

fn show(one: &Reloaded) {
    match (&one.config, &one.trouble) {
        (Some(view), _) => screen::line(format!("{} has read {} ({})", one.part, view.file, view.hash)),
        (None, Some(trouble)) => screen::note(format!("{}: {trouble}", one.part)),
        (None, None) => {}
    }
}
