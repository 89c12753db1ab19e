//! `allswell mute`, `pause` and `resume`.

use std::time::Duration;

use clap::Args;

use super::exit::Outcome;
use super::operator::Operator;
use super::watchers::order;
use crate::domain::quiet::{Quiet, QuietKind};
use crate::monitor::orders::{QuietOrder, ResumeOrder, Resumed};
use crate::settings::parse_duration;

/// Which check is to be quiet, and for how long: nothing is quiet for ever.
#[derive(Debug, Args)]
pub struct QuietArgs {
    /// The check
    check: String,
    /// For how long: "30m", "2h", "1d"
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    lasts: Duration,
    /// Why
    #[arg(long, value_name = "WORDS")]
    note: Option<String>,
}

/// Record and show what happens to a check, and tell nobody; what is still down at the end is told then
#[derive(Debug, Args)]
pub struct MuteArgs {
    #[command(flatten)]
    quiet: QuietArgs,
}

/// Expect nothing of a check for a time; afterwards it begins anew
#[derive(Debug, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    quiet: QuietArgs,
}

/// End a mute or a pause before its time
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The check
    check: String,
}

/// Mutes.
///
/// # Errors
/// Exit code 8 where no watcher answers, 1 where there is no such check.
pub async fn mute(operator: &Operator, args: &MuteArgs) -> Outcome {
    quiet(operator, &args.quiet, QuietKind::Mute).await
}

/// Pauses.
///
/// # Errors
/// As [`mute`].
pub async fn pause(operator: &Operator, args: &PauseArgs) -> Outcome {
    quiet(operator, &args.quiet, QuietKind::Pause).await
}

/// Resumes.
///
/// # Errors
/// Exit code 8 where no watcher answers, 1 where the check is not quiet.
pub async fn resume(operator: &Operator, args: &ResumeArgs) -> Outcome {
    let asked = ResumeOrder { check: args.check.clone(), by: Operator::by() };
    let words = |done: &Resumed| format!("{} is no longer {}", done.check, done.was.kind.as_str());
    order(operator, words, |watcher| {
        let asked = asked.clone();
        async move { watcher.resume(&asked).await }
    })
    .await
}

async fn quiet(operator: &Operator, args: &QuietArgs, kind: QuietKind) -> Outcome {
    let for_ms = u64::try_from(args.lasts.as_millis()).unwrap_or(u64::MAX);
    let asked = QuietOrder { check: args.check.clone(), kind, for_ms, by: Operator::by(), note: args.note.clone() };
    order(operator, Quiet::to_string, |watcher| {
        let asked = asked.clone();
        async move { watcher.quiet(&asked).await }
    })
    .await
}
