//! The command line: which command, and what came of it.

use std::ffi::OsString;
use std::future::ready;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use rustix::process::{getpriority_process, setpriority_process};
use serde_json::json;

use super::doing::{Doing, doing};
use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::options::Options;
use super::order::{self, Order};
use super::role::{self, Part};
use super::version::version;
use super::{
    ack, backup, checks, completions, demo, deploy, health, heartbeat, history, init, live, logs, quiet, reload, scale, schedule, screen,
    scroll, session, snippet, status, stop, test_channel, up, validate,
};

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
        Command::Act(act) => end(&operator, run(acting(&operator, &act))),
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

/// Help, and what is wrong, is said by whoever knows all.
fn parse(words: &[OsString]) -> Result<Root, clap::Error> {
    let order = order::plainly(words, |name| std::env::var_os(name));
    order.map_or_else(|| parse_by_all(words), |(operator, order)| Ok(Root { operator, command: Command::Act(Act::Order(order)) }))
}

/// Has a frame of its own, as every other way than that of an order.
#[inline(never)]
fn parse_by_all(words: &[OsString]) -> Result<Root, clap::Error> {
    let mut all = command();
    all.build();
    Root::from_arg_matches(&all.try_get_matches_from(words)?)
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

fn acting<'a>(operator: &'a Operator, act: &'a Act) -> Doing<'a> {
    match act {
        Act::Init(args) => doing(|| ready(init::run(operator, args))),
        Act::Validate(_) => doing(|| ready(validate::run(operator))),
        Act::Live(_) => doing(|| live::run(operator)),
        Act::Checks(args) => doing(|| checks::run(operator, args)),
        Act::Status(args) => doing(|| status::run(operator, args)),
        Act::Health(args) => doing(|| health::run(operator, args)),
        Act::Deploy(args) => doing(|| deploy::run(operator, args)),
        Act::Order(order) => order.acting(operator),
        Act::History(args) => doing(|| history::run(operator, args)),
        Act::Logs(args) => doing(|| logs::run(operator, args)),
        Act::Scale(args) => doing(|| scale::run(operator, args)),
        Act::Stop(_) => doing(|| stop::run(operator)),
        Act::Reload(_) => doing(|| reload::run(operator)),
        Act::Ack(args) => doing(|| ack::run(operator, args)),
        Act::Mute(args) => doing(|| quiet::mute(operator, args)),
        Act::Pause(args) => doing(|| quiet::pause(operator, args)),
        Act::Resume(args) => doing(|| quiet::resume(operator, args)),
        Act::Backup(args) => doing(|| backup::run(operator, args)),
        Act::TestChannel(args) => doing(|| test_channel::run(operator, args)),
        Act::Schedule(args) => doing(|| ready(schedule::run(operator, args))),
        Act::Snippet(_) => doing(|| ready(snippet::run(operator))),
        Act::Demo(args) => doing(|| demo::run(operator, args)),
        Act::Completions(args) => doing(|| ready(completions::run(args, command()))),
        Act::Man(args) => doing(|| ready(completions::man(operator, args, command()))),
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
    fn plain_words_mean_what_clap_understands_by_them() {
        for line in [
            "switch green",
            "switch blue --yes --config a.toml --state s --runtime r --json",
            "--config switch --state toggle rollback --json",
            "--config up toggle --no-wait",
            "switch --force sure --no-wait green -y",
            "-y hold on",
            "hold --state s off",
        ] {
            let (operator, order) = order::plainly(&words(line), |_| None).expect(line);
            let Root { operator: by_clap, command } = parse_by_all(&words(line)).expect(line);
            assert_eq!(format!("{operator:?}"), format!("{by_clap:?}"), "{line}");
            assert_eq!(format!("Act(Order({order:?}))"), format!("{command:?}"), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_order_is_said_by_whoever_knows_all() {
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
