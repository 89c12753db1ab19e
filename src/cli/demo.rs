//! `allswell demo`: makes the demo app misbehave.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use hyper::Method;

use super::options::Options;
use super::scroll::conduct::{Conduct, ConductOrder};
use crate::domain::colour::Colour;
use crate::net::unix::{UnixError, request};

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

/// Sends the order. Exit codes: 0 obeyed, 1 failed, 8 nobody is there.
#[must_use]
pub fn run(args: &DemoArgs, options: &Options) -> ExitCode {
    let socket = options.state.join(format!("demo-{}.sock", args.colour));
    let order = ConductOrder { conduct: args.conduct };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return ExitCode::FAILURE };
    let answer = runtime.block_on(request::<ConductOrder>(&socket, Method::POST, "/v1/conduct", Some(&order), LIMIT));
    match answer {
        Ok(_) => {
            let undo =
                if args.conduct == Conduct::Recover { String::new() } else { format!(" Undo: allswell demo recover {}", args.colour) };
            // Whoever does not listen has obeyed all the same.
            let _ = writeln!(std::io::stdout(), "{} {}{undo}", args.colour, words(args.conduct));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let hint = "is the demo running (allswell up, without an allswell.toml)?";
            let _ = writeln!(std::io::stderr(), "the demo app {} does not answer on {}: {error}; {hint}", args.colour, socket.display());
            ExitCode::from(if matches!(error, UnixError::Unreachable(_)) { 8 } else { 1 })
        }
    }
}

fn words(conduct: Conduct) -> &'static str {
    match conduct {
        Conduct::Fail => "now answers 500 to everything.",
        Conduct::Hang => "now accepts and never answers.",
        Conduct::Slow => "now answers after 3 s.",
        Conduct::Recover => "behaves again.",
    }
}
