//! What a service's tasks say: all that is kept, and more as it comes.

use std::collections::HashSet;
use std::time::Duration;

use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use tokio::time::timeout;

use super::manager::Manager;
use super::spec::last_deploy;
use super::task::TaskView;
use crate::runtime::error::RuntimeError;
use crate::runtime::release::Each;

/// How often is looked for new tasks.
const LOOK: Duration = Duration::from_secs(1);

/// What a task says: its name and some lines.
type Said = (String, Vec<String>);

/// Tells `each` what the tasks of a service's last deploy have said, under `NAME.SLOT`, one after the other; with `follow` it goes on for ever,
/// all at once, new tasks included.
pub(super) async fn said(manager: &Manager, service: &str, lines: Option<usize>, follow: bool, each: Each<'_>) -> Result<(), RuntimeError> {
    let tell = |(name, lines): Said| lines.iter().for_each(|line| each(&name, line));
    if !follow {
        for task in spoken(manager, service).await? {
            let mut stream = of_task(manager, service, &task, lines, false);
            while let Some(said) = stream.next().await {
                tell(said);
            }
        }
        return Ok(());
    }
    let mut known: HashSet<String> = HashSet::new();
    let mut streams: SelectAll<BoxStream<'_, Said>> = SelectAll::new();
    loop {
        let tasks = spoken(manager, service).await?;
        for task in tasks.iter().filter(|task| known.insert(task.id.clone())) {
            streams.push(of_task(manager, service, task, lines, true));
        }
        let listen = async {
            while let Some(said) = streams.next().await {
                tell(said);
            }
        };
        // The end of that time is no trouble: new tasks are looked for, and the streams are listened to again.
        let all_silent = timeout(LOOK, listen).await.is_ok();
        if all_silent {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The tasks that may have said something, oldest first: those of the last deploy, and whatever else runs.
async fn spoken(manager: &Manager, service: &str) -> Result<Vec<TaskView>, RuntimeError> {
    let Some(found) = manager.service(service).await? else {
        return Err(RuntimeError::Refused(format!("there is no service {service}: nothing was deployed yet, or somebody has removed it")));
    };
    let deploy = last_deploy(&found.spec);
    let mut tasks = manager.tasks(&found.id).await?;
    tasks.retain(|task| task.had_container && (task.deploy == deploy || task.is_up()));
    tasks.sort_by_key(|task| task.made);
    Ok(tasks)
}

fn of_task<'a>(manager: &'a Manager, service: &str, task: &TaskView, lines: Option<usize>, follow: bool) -> BoxStream<'a, Said> {
    let tail = lines.map_or_else(|| "all".to_owned(), |count| count.to_string());
    let options = LogsOptions { stdout: true, stderr: true, follow, tail, ..LogsOptions::default() };
    let name = format!("{service}.{}", task.slot);
    let stream = manager.engine.docker.task_logs(&task.id, Some(options));
    // A task whose container has gone has nothing to say.
    let spoken = stream.take_while(|piece| std::future::ready(piece.is_ok())).filter_map(|piece| std::future::ready(piece.ok()));
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    spoken.map(move |piece| (name.clone(), lines(&piece.into_bytes()))).boxed()
}
