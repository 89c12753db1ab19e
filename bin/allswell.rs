//! `allswell`: every role as a subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    allswell::cli::root::main()
}
