//! The command line: which command, and what came of it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::role::{self, Part};
use super::{
    demo, deploy, history, init, live, logs, rollback, schedule, screen, scroll, session, stop, switch, test_channel, toggle, up, validate,
};

/// Blue-green deployment with a dead-man switch.
#[derive(Debug, Parser)]
#[command(name = "allswell", version, about, arg_required_else_help = true)]
struct Root {
    #[command(flatten)]
    operator: Operator,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::UpArgs),
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Live(live::LiveArgs),
    Deploy(deploy::DeployArgs),
    Switch(switch::SwitchArgs),
    Toggle(toggle::ToggleArgs),
    Rollback(rollback::RollbackArgs),
    History(history::HistoryArgs),
    Logs(logs::LogsArgs),
    Stop(stop::StopArgs),
    TestChannel(test_channel::TestChannelArgs),
    Schedule(schedule::ScheduleArgs),
    /// Run the proxy by itself
    Proxy,
    /// Run the prober by itself
    Prober,
    /// Run the watcher by itself
    Watcher,
    Demo(demo::DemoArgs),
    Scroll(scroll::ScrollArgs),
    #[command(hide = true)]
    Session(session::SessionArgs),
}

/// The whole of `allswell`. Wrong usage ends with exit code 2.
#[must_use]
pub fn main() -> ExitCode {
    let Root { operator, command } = Root::parse();
    match command {
        Command::Proxy => role::run(Part::Proxy, &operator.options),
        Command::Prober => role::run(Part::Prober, &operator.options),
        Command::Watcher => role::run(Part::Watcher, &operator.options),
        Command::Up(args) => up::run(&args, &operator.options),
        Command::Demo(args) => demo::run(&args, &operator.options),
        Command::Scroll(args) => scroll::run(&args),
        Command::Session(args) => session::run(&args),
        command => end(&operator, run(&operator, command)),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(operator: &Operator, command: Command) -> Outcome {
    match command {
        Command::Init(_) => init::run(operator),
        Command::Validate(_) => validate::run(operator),
        Command::Live(_) => live::run(operator).await,
        Command::Deploy(args) => deploy::run(operator, &args).await,
        Command::Switch(args) => switch::run(operator, &args).await,
        Command::Toggle(args) => toggle::run(operator, &args).await,
        Command::Rollback(args) => rollback::run(operator, &args).await,
        Command::History(args) => history::run(operator, &args).await,
        Command::Logs(args) => logs::run(operator, &args).await,
        Command::Stop(_) => stop::run(operator).await,
        Command::TestChannel(args) => test_channel::run(operator, &args).await,
        Command::Schedule(args) => schedule::run(operator, &args),
        Command::Proxy
        | Command::Prober
        | Command::Watcher
        | Command::Up(_)
        | Command::Demo(_)
        | Command::Scroll(_)
        | Command::Session(_) => Ok(Exit::Done),
    }
}

/// Trouble goes to stderr in words, and with `--json` to stdout as a document too: there is one document whatever happens.
fn end(operator: &Operator, outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            screen::note(&trouble);
            if operator.json {
                screen::document(&json!({ "error": trouble.message.trim(), "code": trouble.exit.code() }));
            }
            trouble.exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Root::command().debug_assert();
    }
}
