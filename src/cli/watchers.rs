//! What is ordered of watchers: each of them hears it, for each keeps its own record.

use std::time::Duration;

use serde::Serialize;

use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::reach::{Reach, hint};
use super::screen;
use crate::monitor::{WatcherError, WatcherRemote};

/// How long a watcher may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Orders the same of every watcher, and shows what came of it. Done where one has done it: with a common store the others have it from there.
///
/// # Errors
/// Exit code 8 where none answers, 1 where none could do it.
pub(super) async fn order<A, F>(operator: &Operator, words: impl Fn(&A) -> String, ask: impl Fn(WatcherRemote) -> F) -> Outcome
where
    A: Serialize,
    F: Future<Output = Result<A, WatcherError>>,
{
    let reach = Reach::of(operator)?;
    let mut done: Option<A> = None;
    let mut troubles = Vec::new();
    for watcher in all(&reach)? {
        match ask(watcher).await {
            Ok(answer) => done = done.or(Some(answer)),
            Err(error) => troubles.push(error),
        }
    }
    let Some(answer) = done else { return Err(gravest(&troubles)) };
    for trouble in troubles {
        screen::warn(trouble);
    }
    if operator.json {
        screen::document(&answer);
    } else {
        screen::line(words(&answer));
    }
    Ok(Exit::Done)
}

/// Every watcher that the config names.
pub(super) fn all(reach: &Reach) -> Result<Vec<WatcherRemote>, Trouble> {
    let token = token(reach)?;
    let watcher = |url: &String| WatcherRemote::new(url, token.clone(), LIMIT).map_err(|error| Exit::Failed.because(error.to_string()));
    reach.config.prober.watchers.iter().map(watcher).collect()
}

fn token(reach: &Reach) -> Result<String, Trouble> {
    let given = reach.config.watcher.token.as_ref().map(|secret| secret.reveal_if_set()).transpose();
    match given.map_err(|error| Exit::Usage.because(format!("watcher.token: {error}")))?.flatten() {
        Some(token) => Ok(token),
        None => super::reach::token("watcher", &reach.state.watcher_token()),
    }
}

/// What was understood and refused says more than silence.
fn gravest(troubles: &[WatcherError]) -> Trouble {
    let said = |error: &WatcherError| match error {
        WatcherError::Refused(why) => Some(Exit::Failed.because(why.clone())),
        WatcherError::Unauthorized(why) => Some(
            Exit::Failed.because(format!("the watcher refused: {why}. Is --state the directory that it runs with, or watcher.token set?")),
        ),
        WatcherError::Silent(_) => None,
    };
    let silent = || match troubles {
        [] => Exit::Usage.because("no watcher is named: prober.watchers in the config is empty"),
        _ => {
            let all = troubles.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            Exit::Unreachable.because(format!("{all}. {} Nothing was ordered", hint(&all)))
        }
    };
    troubles.iter().find_map(said).unwrap_or_else(silent)
}
