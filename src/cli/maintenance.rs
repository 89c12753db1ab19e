//! `allswell maintenance`: answers every visitor with a page.

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::hold::Switch;
use super::operator::Operator;
use super::reach::Reach;
use super::screen;
use crate::proxy::control::MaintenanceOrder;

/// Answer every visitor with 503 and a page, until it is over
///
/// It outlives a restart of the proxy. The preview and the prober's own probes go through; what the health path answers is a setting
/// (proxy.maintenance_health).
#[derive(Debug, Args)]
pub struct MaintenanceArgs {
    order: Switch,
    /// What the page says
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
}

/// Orders it from the proxy beside us; asks before visitors are turned away.
///
/// # Errors
/// Exit code 7 where it was declined, 8 where the proxy does not answer.
pub async fn run(operator: &Operator, args: &MaintenanceArgs) -> Outcome {
    let reach = Reach::of(operator)?;
    let message = match args.order {
        Switch::On => Some(args.message.clone()),
        Switch::Off => None,
    };
    if message.is_some() {
        operator.confirm("Every visitor gets 503 from now on. Go on?")?;
    }
    let pauses = reach.proxy().maintenance(&MaintenanceOrder { message, by: Some(Operator::by()) }).await?;
    if operator.json {
        screen::document(&json!({ "maintenance": pauses.maintenance }));
    } else if pauses.maintenance.is_some() {
        screen::line("visitors see the maintenance page. End it: allswell maintenance off");
    } else {
        screen::line("visitors reach the app");
    }
    Ok(Exit::Done)
}
