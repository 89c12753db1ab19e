//! `allswell status`: everything at a glance.

use std::time::Duration;

use clap::Args;

use super::exit::Outcome;
use super::operator::Operator;
use super::reach::Reach;
use super::screen::{self, Paint};
use super::terminal::size;
use crate::settings::parse_duration;

mod checks;
mod colours;
mod instances;
mod seen;
mod sight;
mod view;
mod watch;

pub(super) use seen::ask_watchers;

use seen::Seen;

/// Everything at a glance
///
/// Behind each part and check stands the age of its last beat. Exit codes: 8 where prober or watcher does not answer, 3 where the live colour
/// is undefined; with --watch, as the last look was.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Look again and again, and draw it in place; q or Ctrl-C ends it
    #[arg(long, short)]
    watch: bool,
    /// How often
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration, requires = "watch")]
    every: Duration,
}

/// Asks prober, watcher and up at once, and shows what they say; who does not answer is shown, too.
///
/// # Errors
/// Exit code 2 for a wrong config, 8 where nothing has ever run here.
pub async fn run(operator: &Operator, args: &StatusArgs) -> Outcome {
    let reach = Reach::of(operator)?;
    if args.watch {
        return watch::run(operator, &reach, args.every).await;
    }
    let seen = Seen::look(&reach).await;
    if operator.json {
        screen::document(&seen.document(&reach));
    } else {
        seen.lines(&reach, size().0, Paint::of_stdout()).into_iter().for_each(screen::line);
    }
    Ok(seen.exit())
}
