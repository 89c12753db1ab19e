//! The command line: which command, and what came of it.

use std::ffi::OsString;
use std::future::{Future, ready};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::process::ExitCode;

use clap::{Args as _, CommandFactory, FromArgMatches, Parser, Subcommand};
use rustix::process::{getpriority_process, setpriority_process};
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::options::Options;
use super::role::{self, Part};
use super::version::version;
use super::{
    ack, backup, checks, completions, demo, deploy, heartbeat, history, hold, init, live, logs, maintenance, quiet, reload, rollback,
    scale, schedule, screen, scroll, session, snippet, stop, switch, test_channel, toggle, up,
};
use super::{health, status, validate};

/// As the prober's unit has it: `Nice=-10`.
const AHEAD: i32 = -10;

/// Blue-green deployment with a dead-man switch.
#[derive(Debug, Parser)]
#[command(name = "allswell", version = version(), about, arg_required_else_help = true)]
struct Root {
    #[command(flatten)]
    operator: Operator,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Run(Run),
    #[command(flatten)]
    Act(Act),
}

/// What has a runtime of its own.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Run {
    Up(up::UpArgs),
    /// Run the proxy by itself
    #[command(display_order = 100)]
    Proxy,
    /// Run the prober by itself
    #[command(display_order = 100)]
    Prober,
    /// Run the watcher by itself
    #[command(display_order = 100)]
    Watcher,
    /// Say all's well for an app: a daemon beside it, or around its command
    #[command(display_order = 100)]
    Heartbeat(Box<heartbeat::Arguments>),
    #[command(display_order = 101)]
    Scroll(scroll::ScrollArgs),
    #[command(hide = true)]
    Session(session::SessionArgs),
}

impl Run {
    /// Has a frame of its own: what a part has on the stack is many pages, and an order would touch them all.
    #[inline(never)]
    fn run(self, options: &Options) -> ExitCode {
        match self {
            Self::Up(args) => up::run(&args, options),
            Self::Proxy => role::run(Part::Proxy, options),
            Self::Prober => role::run(Part::Prober, options),
            Self::Watcher => role::run(Part::Watcher, options),
            Self::Heartbeat(args) => heartbeat::run(*args),
            Self::Scroll(args) => scroll::run(&args),
            Self::Session(args) => session::run(&args),
        }
    }
}

/// What an operator asks for or orders; ends by itself.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Act {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Live(live::LiveArgs),
    Status(status::StatusArgs),
    Checks(checks::ChecksArgs),
    Health(health::HealthArgs),
    Deploy(deploy::DeployArgs),
    #[command(flatten)]
    Order(Order),
    History(history::HistoryArgs),
    Logs(logs::LogsArgs),
    Scale(scale::ScaleArgs),
    Stop(stop::StopArgs),
    Reload(reload::ReloadArgs),
    Ack(ack::AckArgs),
    Mute(quiet::MuteArgs),
    Pause(quiet::PauseArgs),
    Resume(quiet::ResumeArgs),
    Backup(backup::BackupArgs),
    TestChannel(test_channel::TestChannelArgs),
    Schedule(schedule::ScheduleArgs),
    Snippet(snippet::SnippetArgs),
    #[command(display_order = 101)]
    Demo(demo::DemoArgs),
    #[command(display_order = 101)]
    Completions(completions::CompletionsArgs),
    #[command(display_order = 101)]
    Man(completions::ManArgs),
}

/// What goes before what visitors keep busy: it mends that, and starts nothing that would go before them too.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Order {
    Switch(switch::SwitchArgs),
    Toggle(toggle::ToggleArgs),
    Rollback(rollback::RollbackArgs),
    Hold(hold::HoldArgs),
    Maintenance(maintenance::MaintenanceArgs),
}

/// The command line's own description: for completions, man pages, and whoever checks what documents say.
#[must_use]
pub fn command() -> clap::Command {
    Root::command()
}

/// The whole of `allswell`. Wrong usage ends with exit code 2.
#[must_use]
pub fn main() -> ExitCode {
    let ahead = Ahead::go();
    let Root { operator, command } = match parse(&std::env::args_os().collect::<Vec<_>>()) {
        Ok(root) => root,
        Err(error) => return misused(&error),
    };
    if !matches!(&command, Command::Act(Act::Order(_))) {
        ahead.no_more();
    }
    match command {
        Command::Run(part) => part.run(&operator.options),
        Command::Act(act) => end(&operator, run(doing(&operator, &act))),
    }
}

/// Before what visitors keep busy: from the first moment on, for to know what is called takes a while too.
struct Ahead {
    /// The priority to go back to.
    before: Option<i32>,
}

impl Ahead {
    /// Whoever may not goes with all others.
    fn go() -> Self {
        let before = getpriority_process(None).ok();
        if before.is_some_and(|before| before > AHEAD) {
            let _ = setpriority_process(None, AHEAD);
        }
        Self { before }
    }

    fn no_more(self) {
        let _ = self.before.map(|before| setpriority_process(None, before));
    }
}

/// To describe every command to clap takes a quarter of a millisecond, so orders are described alone. Help, and what is wrong, is said by whoever knows all.
fn parse(words: &[OsString]) -> Result<Root, clap::Error> {
    parse_order(words).map_or_else(|| parse_by_all(words), Ok)
}

fn parse_by_all(words: &[OsString]) -> Result<Root, clap::Error> {
    let mut all = command();
    all.build();
    Root::from_arg_matches(&all.try_get_matches_from(words)?)
}

/// As if there were no other commands; none where one of those may be meant.
fn parse_order(words: &[OsString]) -> Option<Root> {
    if !words.iter().filter_map(|word| word.to_str()).any(Order::has_subcommand) {
        return None;
    }
    // Neither is dropped: each of their parts has code of its own for that, which would have to be read from all over the executable.
    let orders = Order::augment_subcommands(Operator::augment_args(clap::Command::new("allswell")));
    let mut orders = ManuallyDrop::new(orders);
    let mut matches = ManuallyDrop::new(orders.try_get_matches_from_mut(words).ok()?);
    let operator = Operator::from_arg_matches_mut(&mut matches).ok()?;
    let order = Order::from_arg_matches_mut(&mut matches).ok()?;
    Some(Root { operator, command: Command::Act(Act::Order(order)) })
}

/// Help was asked for, or the words were not understood; they may be anybody's, and no terminal obeys them.
fn misused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Whoever does not read it has had enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let told = error.to_string();
    screen::note(told.trim_end());
    if std::env::args_os().any(|word| word == "--json") {
        let words = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
        screen::document(&json!({ "error": words, "code": Exit::Usage.code() }));
    }
    Exit::Usage.into()
}

#[tokio::main(flavor = "current_thread")]
async fn run(doing: Doing<'_>) -> Outcome {
    doing.await
}

/// What a command does. Not inline: a future that may be any of them is as large as the largest, and so is the stack that it takes.
type Doing<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

fn doing<'a>(operator: &'a Operator, act: &'a Act) -> Doing<'a> {
    match act {
        Act::Init(args) => Box::pin(ready(init::run(operator, args))),
        Act::Validate(_) => Box::pin(ready(validate::run(operator))),
        Act::Live(_) => Box::pin(live::run(operator)),
        Act::Checks(args) => Box::pin(checks::run(operator, args)),
        Act::Status(args) => Box::pin(status::run(operator, args)),
        Act::Health(args) => Box::pin(health::run(operator, args)),
        Act::Deploy(args) => Box::pin(deploy::run(operator, args)),
        Act::Order(Order::Switch(args)) => Box::pin(switch::run(operator, args)),
        Act::Order(Order::Toggle(args)) => Box::pin(toggle::run(operator, args)),
        Act::Order(Order::Rollback(args)) => Box::pin(rollback::run(operator, args)),
        Act::Order(Order::Hold(args)) => Box::pin(hold::run(operator, args)),
        Act::Order(Order::Maintenance(args)) => Box::pin(maintenance::run(operator, args)),
        Act::History(args) => Box::pin(history::run(operator, args)),
        Act::Logs(args) => Box::pin(logs::run(operator, args)),
        Act::Scale(args) => Box::pin(scale::run(operator, args)),
        Act::Stop(_) => Box::pin(stop::run(operator)),
        Act::Reload(_) => Box::pin(reload::run(operator)),
        Act::Ack(args) => Box::pin(ack::run(operator, args)),
        Act::Mute(args) => Box::pin(quiet::mute(operator, args)),
        Act::Pause(args) => Box::pin(quiet::pause(operator, args)),
        Act::Resume(args) => Box::pin(quiet::resume(operator, args)),
        Act::Backup(args) => Box::pin(backup::run(operator, args)),
        Act::TestChannel(args) => Box::pin(test_channel::run(operator, args)),
        Act::Schedule(args) => Box::pin(ready(schedule::run(operator, args))),
        Act::Snippet(_) => Box::pin(ready(snippet::run(operator))),
        Act::Demo(args) => Box::pin(demo::run(operator, args)),
        Act::Completions(args) => Box::pin(ready(completions::run(args, command()))),
        Act::Man(args) => Box::pin(ready(completions::man(operator, args, command()))),
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
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    fn words(line: &str) -> Vec<OsString> {
        ["allswell"].into_iter().chain(line.split(' ')).map(OsString::from).collect()
    }

    #[test]
    fn an_order_is_understood_alone_as_it_is_among_all() {
        for line in [
            "switch green --yes --config a.toml --state s",
            "--config switch --state deploy rollback --json",
            "--config up toggle --no-wait",
            "hold on",
            "-y maintenance on --message soon",
        ] {
            let (alone, by_all) = (parse_order(&words(line)).expect(line), parse_by_all(&words(line)).unwrap());
            assert_eq!(format!("{alone:?}"), format!("{by_all:?}"), "{line}");
        }
    }

    #[test]
    fn what_is_no_order_is_understood_and_refused_by_whoever_knows_all() {
        for line in ["--config switch deploy --version switch", "-y scale blue 3", "up --config switch"] {
            assert!(parse_order(&words(line)).is_none(), "{line}");
            assert_eq!(format!("{:?}", parse(&words(line)).unwrap()), format!("{:?}", parse_by_all(&words(line)).unwrap()), "{line}");
        }
        for line in ["switch", "switch --help", "--version", "--version switch green", "swich green", "live extra", "--json"] {
            let (refused, by_all) = (parse(&words(line)).unwrap_err(), parse_by_all(&words(line)).unwrap_err());
            assert_eq!(refused.to_string(), by_all.to_string(), "{line}");
        }
    }

    #[test]
    fn the_help_describes_every_command() {
        let help = parse(&["allswell", "--help"].map(OsString::from)).unwrap_err().to_string();
        let (_, commands) = help.split_once("Commands:").unwrap();
        let (commands, _) = commands.split_once("Options:").unwrap();
        // What is further to the right belongs to the line before.
        let lines: Vec<&str> = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
        assert!(lines.len() > 30 && lines.iter().all(|line| line.split_whitespace().count() > 1), "{commands}");
        assert!(commands.contains("Make a colour live"), "{commands}");
    }
}
