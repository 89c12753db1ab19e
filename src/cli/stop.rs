//! `allswell stop`: stops it all.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::progress::Progress;
use super::reach::Reach;
use super::screen;
use crate::runtime::process::control::{UpControl, UpError, UpState};

/// How often is looked whether all has ended.
const LOOK: Duration = Duration::from_millis(200);

/// Beyond what the config gives proxy and instances.
const MARGIN: Duration = Duration::from_secs(60);

/// Stop everything that `allswell up` runs here
#[derive(Debug, Args)]
pub struct StopArgs {}

/// Asks, tells `up`, and follows until it is gone.
///
/// # Errors
/// Exit code 7 where it was declined, 8 where `up` does not answer, 1 where it does not come to its end.
pub async fn run(operator: &Operator) -> Outcome {
    let reach = Reach::of(operator)?;
    let up = reach.up_soon();
    let state = up.state().await?;
    operator.confirm(&format!("This stops {}, the live site included. Go on?", reach.config.app.name))?;
    let progress = Progress::begin(operator.json);
    let limit = MARGIN + reach.config.switch.drain + 2 * reach.config.runtime.stop_grace;
    progress.working("stopping", Some(limit));
    up.stop().await?;
    let ended = timeout(limit, follow(&up, running(&state), &progress)).await;
    progress.end();
    if ended.is_err() {
        return Err(Exit::Failed.because("it has not come to its end in time: see what `allswell up` says, or end it by its process id"));
    }
    if operator.json {
        screen::document(&json!({ "stopped": reach.config.app.name }));
    } else {
        screen::line("everything has ended");
    }
    Ok(Exit::Done)
}

/// Says what has ended, until nobody answers any more.
async fn follow(up: &UpControl, mut before: BTreeSet<String>, progress: &Progress) {
    loop {
        let now = match up.state().await {
            Ok(state) => running(&state),
            Err(UpError::Refused(_)) => before.clone(),
            Err(UpError::Silent(..)) => return,
        };
        for ended in before.difference(&now) {
            progress.say(format!("✓ {ended} has ended"));
        }
        before = now;
        sleep(LOOK).await;
    }
}

fn running(state: &UpState) -> BTreeSet<String> {
    let parts = state.parts.iter().filter(|part| part.running).map(|part| part.name.clone());
    let instances = state.instances.iter().filter(|instance| instance.running);
    parts.chain(instances.map(|instance| format!("{}-{}", instance.colour, instance.number))).collect()
}
