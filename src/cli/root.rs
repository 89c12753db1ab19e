//! The command line: which command, and what came of it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use rustix::process::{getpriority_process, setpriority_process};
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
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
    Switch(switch::SwitchArgs),
    Toggle(toggle::ToggleArgs),
    Rollback(rollback::RollbackArgs),
    History(history::HistoryArgs),
    Logs(logs::LogsArgs),
    Scale(scale::ScaleArgs),
    Hold(hold::HoldArgs),
    Maintenance(maintenance::MaintenanceArgs),
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

impl Act {
    /// Whether it goes before what visitors keep busy: it mends that, and starts nothing that would go before them too.
    fn goes_first(&self) -> bool {
        matches!(self, Self::Switch(_) | Self::Toggle(_) | Self::Rollback(_) | Self::Hold(_) | Self::Maintenance(_))
    }
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
    if !matches!(&command, Command::Act(act) if act.goes_first()) {
        ahead.no_more();
    }
    let options = &operator.options;
    match command {
        Command::Run(Run::Up(args)) => up::run(&args, options),
        Command::Run(Run::Proxy) => role::run(Part::Proxy, options),
        Command::Run(Run::Prober) => role::run(Part::Prober, options),
        Command::Run(Run::Watcher) => role::run(Part::Watcher, options),
        Command::Run(Run::Heartbeat(args)) => heartbeat::run(*args),
        Command::Run(Run::Scroll(args)) => scroll::run(&args),
        Command::Run(Run::Session(args)) => session::run(&args),
        Command::Act(act) => end(&operator, run(&operator, act)),
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

/// Only the command that is called is described to clap: all of them take half a millisecond. Help, and what is wrong, is said by whoever knows all.
fn parse(words: &[OsString]) -> Result<Root, clap::Error> {
    let matches = called(words).and_then(|called| called.try_get_matches_from(words).ok());
    matches.and_then(|matches| Root::from_arg_matches(&matches).ok()).map_or_else(|| parse_by_all(words), Ok)
}

fn parse_by_all(words: &[OsString]) -> Result<Root, clap::Error> {
    let mut all = command();
    all.build();
    Root::from_arg_matches(&all.try_get_matches_from(words)?)
}

/// The command line, as if the first word that names a command were the one that is called, and there were no other.
fn called(words: &[OsString]) -> Option<clap::Command> {
    let all = command();
    let called = words.iter().skip(1).find_map(|word| all.find_subcommand(word))?;
    Some(clap::Command::new("allswell").version(version()).args(all.get_arguments()).subcommand(called.clone()))
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
async fn run(operator: &Operator, act: Act) -> Outcome {
    match act {
        Act::Init(args) => init::run(operator, &args),
        Act::Validate(_) => validate::run(operator),
        Act::Live(_) => live::run(operator).await,
        Act::Checks(args) => checks::run(operator, &args).await,
        Act::Status(args) => status::run(operator, &args).await,
        Act::Health(args) => health::run(operator, &args).await,
        Act::Deploy(args) => deploy::run(operator, &args).await,
        Act::Switch(args) => switch::run(operator, &args).await,
        Act::Toggle(args) => toggle::run(operator, &args).await,
        Act::Rollback(args) => rollback::run(operator, &args).await,
        Act::History(args) => history::run(operator, &args).await,
        Act::Logs(args) => logs::run(operator, &args).await,
        Act::Scale(args) => scale::run(operator, &args).await,
        Act::Hold(args) => hold::run(operator, &args).await,
        Act::Maintenance(args) => maintenance::run(operator, &args).await,
        Act::Stop(_) => stop::run(operator).await,
        Act::Reload(_) => reload::run(operator).await,
        Act::Ack(args) => ack::run(operator, &args).await,
        Act::Mute(args) => quiet::mute(operator, &args).await,
        Act::Pause(args) => quiet::pause(operator, &args).await,
        Act::Resume(args) => quiet::resume(operator, &args).await,
        Act::Backup(args) => backup::run(operator, &args).await,
        Act::TestChannel(args) => test_channel::run(operator, &args).await,
        Act::Schedule(args) => schedule::run(operator, &args),
        Act::Snippet(_) => snippet::run(operator),
        Act::Demo(args) => demo::run(operator, &args).await,
        Act::Completions(args) => completions::run(&args, command()),
        Act::Man(args) => completions::man(operator, &args, command()),
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

    #[test]
    fn whoever_is_called_alone_is_understood_as_among_all() {
        for line in [
            "switch green --yes --config a.toml --state s",
            "--config switch --state deploy rollback --json",
            "--config switch deploy --version switch",
            "-y scale blue 3",
            "up --config switch",
            "hold on",
        ] {
            let words: Vec<OsString> = ["allswell"].into_iter().chain(line.split(' ')).map(OsString::from).collect();
            let (parsed, by_all) = (parse(&words).unwrap(), parse_by_all(&words).unwrap());
            assert_eq!(format!("{parsed:?}"), format!("{by_all:?}"), "{line}");
        }
        for line in ["switch", "switch --help", "--version", "swich green", "live extra", "--json"] {
            let words: Vec<OsString> = ["allswell"].into_iter().chain(line.split(' ')).map(OsString::from).collect();
            let (refused, by_all) = (parse(&words).unwrap_err(), parse_by_all(&words).unwrap_err());
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
