//! `allswell-watcher`: the watcher by itself.

use std::process::ExitCode;

use allswell::cli::role::{Part, main as run};

fn main() -> ExitCode {
    run(Part::Watcher)
}
