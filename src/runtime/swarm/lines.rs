//! What tasks said last.

use std::time::Duration;

use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::manager::Manager;
use super::task::TaskView;

/// How long one task's lines may take to come: they are fetched from the node that it ran on.
const LIMIT: Duration = Duration::from_secs(3);

/// How much of one line is kept.
const LONGEST: usize = 500;

/// The last lines of the newest task of each slot that ever ran, under `NAME.SLOT`; of all of them at once.
pub(super) async fn last_lines(manager: &Manager, service: &str, tasks: &[TaskView], count: usize) -> Vec<(String, Vec<String>)> {
    let mut newest: Vec<&TaskView> = tasks.iter().filter(|task| task.had_container).collect();
    newest.dedup_by_key(|task| task.slot);
    let wanted = newest.iter().filter(|task| task.is_wanted || task.has_failed());
    futures_util::future::join_all(wanted.map(|task| async { (format!("{service}.{}", task.slot), lines(manager, task, count).await) }))
        .await
}

/// What [`last_lines`] gives, as a message has it; tasks that said nothing are left out.
pub(super) fn words(said: &[(String, Vec<String>)]) -> String {
    let spoken = said.iter().filter(|(_, lines)| !lines.is_empty());
    spoken.map(|(name, lines)| format!("\nlast lines of {name}:\n  {}", lines.join("\n  "))).collect()
}

async fn lines(manager: &Manager, task: &TaskView, count: usize) -> Vec<String> {
    let options = LogsOptions { stdout: true, stderr: true, tail: count.to_string(), ..LogsOptions::default() };
    let mut stream = std::pin::pin!(manager.engine.docker.task_logs(&task.id, Some(options)));
    let mut text = String::new();
    // What has come until then is better than nothing.
    let _ = timeout(LIMIT, async {
        while let Some(Ok(piece)) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&piece.into_bytes()));
        }
    })
    .await;
    let lines: Vec<String> = text.lines().map(|line| line.chars().take(LONGEST).collect()).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}
