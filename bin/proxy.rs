//! `allswell-proxy`: the proxy by itself.

use std::process::ExitCode;

use allswell::cli::role::{Part, main as run};

fn main() -> ExitCode {
    run(Part::Proxy)
}
