//! `allswell hold`: keeps new requests waiting for a moment.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::reach::Reach;
use super::screen;
use crate::proxy::control::HoldOrder;

/// Keep new requests waiting at the proxy, or send them on to whatever is then live
///
/// Each waits for hold_time at most and so many as hold_number at a time; beyond that it is answered with 503. What is under way goes on,
/// and so do the preview and the prober's own probes.
#[derive(Debug, Args)]
pub struct HoldArgs {
    pub(super) order: Switch,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// From now on
    On,
    /// No longer
    Off,
}

/// Orders it from the proxy beside us.
///
/// # Errors
/// Exit code 8 where the proxy does not answer.
pub async fn run(operator: &Operator, args: &HoldArgs) -> Outcome {
    let reach = Reach::of(operator)?;
    let on = args.order == Switch::On;
    let pauses = reach.proxy().hold(&HoldOrder { on, by: Some(Operator::by()) }).await?;
    if operator.json {
        screen::document(&json!({ "held": pauses.is_held, "waiting": pauses.waiting }));
    } else if on {
        let limits = reach.config.proxy.hold;
        screen::line(format!(
            "new requests wait: each for {:?}, {} at a time. Let them go on: allswell hold off",
            limits.time, limits.number
        ));
    } else {
        screen::line("requests go on");
    }
    Ok(Exit::Done)
}
