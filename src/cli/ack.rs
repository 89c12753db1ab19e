//! `allswell ack`: somebody has seen to it.

use clap::Args;

use super::exit::Outcome;
use super::operator::Operator;
use super::watchers::order;
use crate::monitor::orders::{AckOrder, Acknowledged};

/// Acknowledge an incident: reminders and escalation end, and everybody sees who is at it
///
/// It stays open until its check is well again; should it become critical, it is told all the same.
#[derive(Debug, Args)]
pub struct AckArgs {
    /// An incident's key or a check's name. Default: the one that waits to be acknowledged
    #[arg(value_name = "INCIDENT|CHECK")]
    which: Option<String>,
    /// What the others should know
    #[arg(long, value_name = "WORDS")]
    note: Option<String>,
}

/// Acknowledges.
///
/// # Errors
/// Exit code 8 where no watcher answers, 1 where there is no such incident.
pub async fn run(operator: &Operator, args: &AckArgs) -> Outcome {
    let asked = AckOrder { which: args.which.clone(), by: Operator::by(), note: args.note.clone() };
    let words = |done: &Acknowledged| format!("{} is {} ({})", done.check, done.acknowledged, done.incident);
    order(operator, words, |watcher| {
        let asked = asked.clone();
        async move { watcher.acknowledge(&asked).await }
    })
    .await
}
