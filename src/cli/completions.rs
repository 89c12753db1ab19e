//! `allswell completions` and `allswell man`: what shells and `man` know of the command line, from its own description.

use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueEnum};
use clap_complete::aot::{Shell as Known, generate};
use clap_mangen::Man;
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen;
use super::version::day;

/// Print what a shell needs to complete commands, options and colours
///
/// bash: source <(allswell completions bash), or the output as a file in ~/.local/share/bash-completion/completions/allswell.
/// zsh: the output as a file _allswell in a directory of $fpath. fish: the output as ~/.config/fish/completions/allswell.fish.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    shell: Shell,
}

/// The shells whose completions are tested.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Write the man pages into a directory: allswell.1, and one for each command
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The directory, such as ~/.local/share/man/man1; made where it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Prints the script.
///
/// # Errors
/// None: whoever does not read it has had enough.
pub fn run(args: &CompletionsArgs, mut command: Command) -> Outcome {
    let shell = match args.shell {
        Shell::Bash => Known::Bash,
        Shell::Zsh => Known::Zsh,
        Shell::Fish => Known::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut command, "allswell", &mut script);
    screen::raw(&script);
    Ok(Exit::Done)
}

/// Writes the pages.
///
/// # Errors
/// Exit code 1 where the directory cannot be written to.
pub fn man(operator: &Operator, args: &ManArgs, command: Command) -> Outcome {
    let directory = &args.directory;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    std::fs::create_dir_all(directory).and_then(|()| write(&command, directory)).map_err(|error| {
        Exit::Failed.because(format!("the man pages cannot be written to {}: {error}. Name a directory of your own", directory.display()))
    })?;
    if operator.json {
        screen::document(&json!({ "written": directory }));
    } else {
        let (above, directory) = (directory.parent().unwrap_or(directory).display(), directory.display());
        screen::line(format!("wrote the man pages to {directory}: read them with man {directory}/allswell.1, or with MANPATH={above}:"));
    }
    Ok(Exit::Done)
}

/// The page of a command, and those of its own.
fn write(command: &Command, directory: &Path) -> std::io::Result<()> {
    let page = Man::new(command.clone()).date(day()).source(format!("allswell {}", env!("CARGO_PKG_VERSION"))).manual("allswell");
    page.generate_to(directory)?;
    command.get_subcommands().filter(|command| !command.is_hide_set()).try_for_each(|command| write(command, directory))
}
