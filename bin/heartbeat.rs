//! `allswell-heartbeat`: beside an app, or around its command.

use std::process::ExitCode;

fn main() -> ExitCode {
    allswell::cli::heartbeat::main()
}
