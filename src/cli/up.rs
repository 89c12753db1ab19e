//! `allswell up`.

use std::process::ExitCode;

use super::options::Options;

/// Run everything on this machine, and keep it running
#[derive(Debug, Clone, clap::Args)]
pub struct UpArgs {
    /// Put every listener of the demo on this address
    #[arg(long, hide = true, value_name = "IP")]
    bind: Option<String>,
}

/// Runs.
#[must_use]
pub fn run(_args: &UpArgs, _options: &Options) -> ExitCode {
    ExitCode::SUCCESS
}
