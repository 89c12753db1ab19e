//! `allswell stop`: stops it all.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, test_kill_process};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::progress::Progress;
use super::reach::Reach;
use super::screen;
use crate::runtime::process::control::{UpControl, UpError, UpState};

mod elsewhere;

/// How often is looked whether all has ended.
const LOOK: Duration = Duration::from_millis(200);

/// Beyond what the config gives proxy and instances.
const MARGIN: Duration = Duration::from_secs(60);

/// Stop everything that `allswell up` runs here; in containers and elsewhere, both colours
#[derive(Debug, Args)]
pub struct StopArgs {}

/// Asks, tells `up`, and follows until it is gone.
///
/// # Errors
/// Exit code 7 where it was declined, 8 where `up`, or the prober where there is no `up`, does not answer, 1 where it does not come to its end.
pub async fn run(operator: &Operator) -> Outcome {
    let reach = Reach::of(operator)?;
    if !reach.config.runtime.kind.has_supervisor() {
        return elsewhere::run(operator, &reach).await;
    }
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

/// Says what has ended, until all of it has and nobody answers any more. Process ids tell: `up` says nothing while it ends.
async fn follow(up: &UpControl, mut left: BTreeMap<String, Pid>, progress: &Progress) {
    loop {
        let (still, ended): (BTreeMap<_, _>, BTreeMap<_, _>) = left.into_iter().partition(|(_, pid)| test_kill_process(*pid).is_ok());
        for name in ended.keys() {
            progress.say(format!("✓ {name} has ended"));
        }
        left = still;
        if left.is_empty() && matches!(up.state().await, Err(UpError::Silent(..))) {
            return;
        }
        sleep(LOOK).await;
    }
}

fn running(state: &UpState) -> BTreeMap<String, Pid> {
    let parts = state.parts.iter().map(|part| (part.name.clone(), part.pid));
    let instances = state.instances.iter().map(|instance| (format!("{}-{}", instance.colour, instance.number), instance.pid));
    let pid = |number: Option<u32>| Pid::from_raw(i32::try_from(number?).ok()?);
    parts.chain(instances).filter_map(|(name, number)| Some((name, pid(number)?))).collect()
}
