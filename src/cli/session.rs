//! `allswell session -- CMD`: what every process of `up` is started by.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// Runs a command in a session of its own, in the place of this process: a Ctrl-C or a closed terminal does not reach it
#[derive(Debug, Clone, clap::Args)]
pub struct SessionArgs {
    /// The command, word by word
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Becomes the command. Returns only where that fails: 127 as shells do where there is no such command, 126 for any other reason.
#[must_use]
pub fn run(args: &SessionArgs) -> ExitCode {
    let Some((program, words)) = args.command.split_first() else { return ExitCode::from(2) };
    // Refused only to one who leads a group already, and so is out of reach already.
    let _ = rustix::process::setsid();
    let error = Command::new(program).args(words).exec();
    // The reader is the log; where even that fails, the exit code is left.
    let _ = writeln!(std::io::stderr(), "{} cannot be started: {error}", program.display());
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}
