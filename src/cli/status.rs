//! `allswell status`: everything at a glance.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::reach::Reach;
use super::screen::{self, Paint};
use crate::clock;
use crate::monitor::overview::Overview;
use crate::net::client::{explain, http};
use crate::release::ProberState;

mod instances;
mod view;

use view::{Sight, lines};

/// How long a watcher may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Everything at a glance
#[derive(Debug, Args)]
pub struct StatusArgs {}

/// Asks prober, watcher and up at once, and shows what they say; who does not answer is shown, too.
///
/// # Errors
/// Exit code 2 for a wrong config, 8 where nothing has ever run here. 8 as well where prober or watcher does not answer, 3 where the live
/// colour is undefined.
pub async fn run(operator: &Operator, _args: &StatusArgs) -> Outcome {
    let reach = Reach::of(operator)?;
    let up = reach.up_soon();
    let (prober, watcher, up, instances) =
        tokio::join!(ask_prober(&reach), ask_watchers(&reach.config.prober.watchers), up.state(), instances::ask(&reach));
    let exit = exit_of(prober.as_ref().ok(), watcher.is_ok());
    if operator.json {
        let silent: Vec<&String> = prober.as_ref().err().into_iter().chain(watcher.as_ref().err()).collect();
        let live = prober.as_ref().ok().and_then(|state| state.live);
        screen::document(&json!({
            "app": reach.config.app.name, "live": live, "unreachable": silent,
            "prober": prober.as_ref().ok(), "watcher": watcher.as_ref().ok(), "up": up.as_ref().ok(),
            "instances": instances.as_ref().and_then(|asked| asked.as_ref().ok()),
            "runtime_trouble": instances.as_ref().and_then(|asked| asked.as_ref().err()),
        }));
        return Ok(exit);
    }
    let sight =
        Sight { app: &reach.config.app.name, now: clock::now(), prober: prober.as_ref(), watcher: watcher.as_ref(), up: up.as_ref().ok() };
    let paint = Paint::of_stdout();
    for line in lines(&sight, paint).into_iter().chain(instances::lines(instances.as_ref(), sight.now, paint)) {
        screen::line(line);
    }
    Ok(exit)
}

async fn ask_prober(reach: &Reach) -> Result<ProberState, String> {
    let prober = reach.prober().map_err(|trouble| trouble.message)?;
    prober.state().await.map_err(|error| error.to_string())
}

/// The first that answers.
pub(super) async fn ask_watchers(urls: &[String]) -> Result<Overview, String> {
    let client = http(LIMIT).map_err(|error| error.to_string())?;
    let mut trouble = String::new();
    for url in urls {
        let asked =
            client.get(format!("{}/v1/overview", url.trim_end_matches('/'))).send().await.and_then(reqwest::Response::error_for_status);
        let answered = match asked {
            Ok(answer) => answer.json().await,
            Err(error) => Err(error),
        };
        match answered {
            Ok(overview) => return Ok(overview),
            Err(error) => trouble = format!("the watcher does not answer on {url}: {}", explain(error)),
        }
    }
    Err(trouble)
}

fn exit_of(prober: Option<&ProberState>, watcher_answers: bool) -> Exit {
    match prober {
        None => Exit::Unreachable,
        Some(state) if state.live.is_none() => Exit::Undefined,
        Some(_) if !watcher_answers => Exit::Unreachable,
        Some(_) => Exit::Done,
    }
}
