//! Threads that serve connections, with a runtime each: of tens of thousands of beats a second each runs, from its first byte to its answer, on the
//! thread that its connection has woken.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::requests::Answers;

/// So many at most: who commits beats keeps no more than that busy.
const MOST: usize = 4;

/// One such thread; without it its runtime ends, with whatever still runs there.
#[derive(Debug)]
pub(super) struct Worker {
    /// Where its connections are served.
    pub(super) runtime: Handle,
    /// What answers there.
    pub(super) answers: Answers,
    _ending: Option<oneshot::Sender<()>>,
}

impl Worker {
    /// For what has beats: one for each processor, up to a few. For anything else, and where no thread can be had: the runtime that this is called on.
    pub(super) fn all(answers: Answers) -> Vec<Self> {
        let wanted = if answers.has_beats() { thread::available_parallelism().map_or(1, usize::from).min(MOST) } else { 0 };
        let started: Result<Vec<_>, _> = (0..wanted).map(|number| Self::start(number, &answers)).collect();
        match started {
            Ok(workers) if !workers.is_empty() => workers,
            Ok(_) => vec![Self::here(answers)],
            Err(error) => {
                tracing::warn!("no threads for beats, which are served beside everything else: {error}");
                vec![Self::here(answers)]
            }
        }
    }

    fn here(answers: Answers) -> Self {
        Self { runtime: Handle::current(), answers, _ending: None }
    }

    /// A thread of this number.
    pub(super) fn start(number: usize, answers: &Answers) -> io::Result<Self> {
        let home = Handle::current();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let answers = {
            let _entered = handle.enter();
            answers.beside(home)
        };
        let (ending, ended) = oneshot::channel::<()>();
        thread::Builder::new().name(format!("serve-{number}")).spawn(move || {
            // It is told so by being dropped.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { runtime: handle, answers, _ending: Some(ending) })
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_worker_has_a_thread_of_its_own_and_ends_with_it() {
        let worker = Worker::start(7, &Answers::from(Router::new())).unwrap();
        let (held, freed) = oneshot::channel::<()>();
        let named = worker.runtime.spawn(async { thread::current().name().map(str::to_owned) });
        assert_eq!(named.await.unwrap().as_deref(), Some("serve-7"));
        let endless = worker.runtime.spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(worker);
        assert!(freed.await.is_err(), "what still ran there is gone");
        assert!(endless.await.unwrap_err().is_cancelled());
    }
}
