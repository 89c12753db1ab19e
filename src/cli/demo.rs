//! `allswell demo`: makes the demo app misbehave.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen;
use super::scroll::conduct::{Conduct, ConductOrder};
use crate::domain::colour::Colour;
use crate::net::unix::{Lines, UnixError};

/// How long an app that runs may take to obey.
const LIMIT: Duration = Duration::from_secs(5);

/// Makes the demo app misbehave, or behave again
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// fail: answer 500. hang: accept and never answer. slow: answer after 3 s. recover: behave
    conduct: Conduct,
    /// Which colour
    colour: Colour,
}

/// Sends the order.
///
/// # Errors
/// Exit code 8 where no demo app is there, 1 where it did not obey.
pub async fn run(operator: &Operator, args: &DemoArgs) -> Outcome {
    let DemoArgs { conduct, colour } = *args;
    let socket = operator.state()?.join(format!("demo-{colour}.sock"));
    let order = ConductOrder { conduct };
    Lines::to(&socket).request::<ConductOrder>(Method::POST, "/v1/conduct", Some(&order), LIMIT).await.map_err(|error| {
        let exit = if matches!(error, UnixError::Unreachable(_)) { Exit::Unreachable } else { Exit::Failed };
        let hint =
            "is the demo running (`allswell up`, without an allswell.toml), and was it started here? --state DIR names another place";
        exit.because(format!("the demo app {colour} does not answer on {}: {error}; {hint}", socket.display()))
    })?;
    if operator.json {
        screen::document(&json!({ "colour": colour, "conduct": conduct }));
    } else {
        let undo = if conduct == Conduct::Recover { String::new() } else { format!(" Undo: allswell demo recover {colour}") };
        screen::line(format!("{colour} {}{undo}", words(conduct)));
    }
    Ok(Exit::Done)
}

fn words(conduct: Conduct) -> &'static str {
    match conduct {
        Conduct::Fail => "now answers 500 to everything.",
        Conduct::Hang => "now accepts and never answers.",
        Conduct::Slow => "now answers after 3 s.",
        Conduct::Recover => "behaves again.",
    }
}
